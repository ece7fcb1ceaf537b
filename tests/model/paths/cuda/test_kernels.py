"""The kernels compile for the devices that they claim, without one at hand.

Flags such as ``KEEP`` decide what is loaded and stored, the precision decides how products are computed. Each of both
is compiled at least once, not each with each: products in ``fp32`` take seconds to compile.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

_COMPILE = """
import json
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from lstm_bench.model.paths.cuda import kernels

forward = dict(x="*fp32", x_stride="i32", wx="*fp32", wh="*fp32", bias="*fp32", w_stride="i32", bias_stride="i32",
               hs="*fp32", cs="*fp32", gates="*fp32", L="i32", B="i32", width="i32", H="i32")
backward = dict(gates="*fp32", cs="*fp32", wh="*fp32", w_stride="i32", dh_days="*fp32", dh_last="*fp32", dc="*fp32",
                L="i32", B="i32", H="i32")
blocks = dict(BLOCK_B=32, BLOCK_H=64)
jobs = {
    "forward": (kernels.forward, forward, dict(KEEP=True, GATES=True, BLOCK_X=32, **blocks)),
    "scoring": (kernels.forward, forward, dict(KEEP=False, GATES=False, BLOCK_X=32, **blocks)),
    "backward": (kernels.backward, backward, dict(LAST_ONLY=False, **blocks)),
    "last": (kernels.backward, backward, dict(LAST_ONLY=True, **blocks)),
}
made = {}

def compile(name, kernel, signature, constants, capability):
    full = signature | {key: "constexpr" for key in constants}
    source = ASTSource(kernel, full, {(kernel.arg_names.index(key),): value for key, value in constants.items()})
    compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_stages": 1})
    made[name] = {"shared": compiled.metadata.shared, "barriers": compiled.asm["ttir"].count("barrier"),
                  "bytes": len(compiled.asm["cubin"]), "tensor": compiled.asm["ptx"].count("mma")}

for capability, precision, names in ((80, "fp32", ("forward", "backward")), (80, "bf16", jobs),
                                     (90, "tf32", ("scoring", "backward"))):
    for name in names:
        kernel, signature, constants = jobs[name]
        constants = dict(PRECISION=precision, **constants)
        compile(f"{name} {capability} {precision}", kernel, signature, constants, capability)
dropout = dict(x="*fp32", x_stride="i32", out="*fp32", seeds="*i64", probabilities="*fp32", n="i32")
for capability in (80, 90):
    compile(f"dropout {capability} -", kernels.dropout, dropout, dict(BLOCK=1024), capability)
print(json.dumps(made))
"""


def test_kernels_compile() -> None:
    environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", _COMPILE], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    made = json.loads(done.stdout)
    assert len(made) == 10
    for name, facts in made.items():
        kernel, _, precision = name.split()
        assert facts["bytes"] > 0
        assert facts["shared"] <= 99 * 1024, name  # what any of these devices gives a program
        if kernel != "dropout":
            assert facts["barriers"] == 1, name  # our own, before the layout of products adds others
            assert (facts["tensor"] > 0) == (precision != "fp32"), name
