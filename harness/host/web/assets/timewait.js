import { $, el, span, t } from "./text.js";

let last, before;

export function gauge(g) {
	before = last;
	last = g;
	if (!$("timewait").hidden) draw();
}

// rate is how many connections came into TIME_WAIT in a second less those that left it.
function rate(side) {
	const was = before?.time_wait?.find((s) => s.side === side.side);
	const took = last.now_ms - (before?.now_ms ?? 0);
	return was && took > 0 ? (side.count - was.count) * 1000 / took : 0;
}

function full(name, value, max) {
	return el("div", { class: "timer" }, el("span", {}, name), el("meter", { min: 0, max: Math.max(max, 1), value, "aria-label": name }), el("b", {}, `${value}/${max}`));
}

function side(s) {
	const most = Math.max(...s.left, 1), per = s.life_ms / s.left.length;
	const bars = el("div", { class: "ages TIME_WAIT", role: "img", "aria-label": t("ages", { count: s.count, next: span(s.next_ms), last: span(s.last_ms) }) });
	for (const [i, n] of s.left.entries()) {
		const b = el("i", { title: `${n}: ${span(i * per)} – ${span((i + 1) * per)}` });
		b.style.height = `${100 * n / most}%`;
		bars.append(b);
	}
	const r = rate(s);
	return el("div", { class: "pane" }, el("h2", {}, t(`side-${s.side}`)),
		el("p", {}, s.count ? t("time-waits", { count: s.count, rate: `${r >= 0 ? "+" : ""}${r.toFixed(0)}`, next: span(s.next_ms), last: span(s.last_ms) }) : t("no-time-wait")),
		...(s.limit ? [full(t("limit"), s.count, s.limit)] : []), ...(s.ports_max ? [full(t("ports"), s.ports, s.ports_max)] : [el("p", { class: "faint" }, t("ports-held", { n: s.ports }))]),
		bars, el("div", { class: "axis" }, el("span", {}, t("ends-now")), el("span", {}, t("ends-in", { time: span(s.life_ms) }))),
		el("details", {}, el("summary", {}, t("named")), el("ul", {}, ...s.connections.map((c) => el("li", {}, el("code", {}, `${c.local} → ${c.remote}`), ` ${span(c.left_ms)}`)))));
}

function draw() {
	if (!last) return;
	const open = [...$("sides").querySelectorAll("details")].map((d) => d.open);
	$("sides").replaceChildren(...(last.time_wait ?? []).map(side));
	[...$("sides").querySelectorAll("details")].forEach((d, i) => { d.open = open[i] ?? false; });
}

export function words() { draw(); }
export function shown() { draw(); }
