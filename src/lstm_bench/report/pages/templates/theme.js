// Runs before anything is drawn: applies the stored theme, or else the system's.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => { try { return localStorage.getItem("lstm-bench-theme"); } catch { return null; } };
  const apply = (theme) => {
    document.documentElement.dataset.theme = theme;
    document.dispatchEvent(new Event("themechange"));
  };
  window.toggleTheme = () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("lstm-bench-theme", theme); } catch { /* storage is not allowed: the choice is not kept */ }
    apply(theme);
  };
  system.addEventListener("change", (event) => { if (!chosen()) apply(event.matches ? "dark" : "light"); });
  apply(chosen() || (system.matches ? "dark" : "light"));
})();
