// Plots come to life when they scroll into sight; until then, and without scripts, their static form is shown.
(() => {
  const plots = [...document.querySelectorAll(".mi-plot")];
  if (!plots.length) return;
  const own = document.currentScript.src;
  let library;
  const load = () =>
    (library ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      Object.assign(script, { src: own.replace(/plots\.js.*$/, "plotly.min.js"), onload: resolve, onerror: reject });
      document.head.append(script);
    }));
  const draw = async (place) => {
    await load();
    const { data, layout, config } = JSON.parse(place.querySelector("script").textContent);
    const live = document.createElement("div");
    live.className = "mi-plot-live";
    place.append(live);
    const width = layout.width ?? 820;
    const fitted = () => ({ ...layout, width: Math.min(width, place.clientWidth || width) });
    await Plotly.newPlot(live, data, fitted(), { ...config, displayModeBar: "hover", responsive: false });
    place.firstElementChild.hidden = true;
    addEventListener("resize", () => Plotly.relayout(live, { width: fitted().width }));
  };
  const watch = new IntersectionObserver(
    (seen) =>
      seen.forEach(({ isIntersecting, target }) => {
        if (!isIntersecting) return;
        watch.unobserve(target);
        draw(target).catch(console.error);
      }),
    { rootMargin: "600px" },
  );
  plots.forEach((plot) => watch.observe(plot));
})();
