"""The kernels compile for the devices that they claim, without one at hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

_COMPILE = """
import json, sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from lstm_bench.model.paths.cuda import kernels

capability, precision = int(sys.argv[1]), sys.argv[2]
forward = dict(x="*fp32", x_stride="i32", wx="*fp32", wh="*fp32", bias="*fp32", w_stride="i32", bias_stride="i32",
               hs="*fp32", cs="*fp32", gates="*fp32", L="i32", B="i32", width="i32", H="i32")
backward = dict(gates="*fp32", cs="*fp32", wh="*fp32", w_stride="i32", dh_days="*fp32", dh_last="*fp32", dc="*fp32",
                L="i32", B="i32", H="i32")
blocks = dict(PRECISION=precision, BLOCK_B=32, BLOCK_H=64)
jobs = {
    "forward": (kernels.forward, forward, dict(KEEP=True, GATES=True, BLOCK_X=32, **blocks)),
    "scoring": (kernels.forward, forward, dict(KEEP=False, GATES=False, BLOCK_X=32, **blocks)),
    "backward": (kernels.backward, backward, dict(LAST_ONLY=False, **blocks)),
    "last": (kernels.backward, backward, dict(LAST_ONLY=True, **blocks)),
    "dropout": (kernels.dropout, dict(x="*fp32", x_stride="i32", out="*fp32", seeds="*i64", probabilities="*fp32",
                                      n="i32"), dict(BLOCK=1024)),
}
made = {}
for name, (kernel, signature, constants) in jobs.items():
    full = signature | {key: "constexpr" for key in constants}
    source = ASTSource(kernel, full, {(kernel.arg_names.index(key),): value for key, value in constants.items()})
    compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_stages": 1})
    made[name] = {"shared": compiled.metadata.shared, "barriers": compiled.asm["ttir"].count("barrier"),
                  "bytes": len(compiled.asm["cubin"]), "tensor": compiled.asm["ptx"].count("mma")}
print(json.dumps(made))
"""


@pytest.mark.parametrize(("capability", "precision"), [(80, "fp32"), (80, "bf16"), (90, "tf32")])
def test_kernels_compile(capability: int, precision: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", _COMPILE, str(capability), precision],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    made = json.loads(done.stdout)
    for name, facts in made.items():
        assert facts["bytes"] > 0
        assert facts["shared"] <= 99 * 1024, name  # what any of these devices gives a program
        if name != "dropout":
            assert facts["barriers"] == 1, name  # before products are laid out, which brings others: our own
            assert (facts["tensor"] > 0) == (precision != "fp32"), name
