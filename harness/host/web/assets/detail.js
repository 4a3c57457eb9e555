import { $, ask, el, save, saveSVG, showSVG, span, t } from "./text.js";
import { draw } from "./machine.js";

const slow = 10; // a replay takes so many times as long as the close did
let id, doc, step = null, timer, loading = false, again = false, clock = 0, life = {};

export const chosen = () => id;
export const replaying = () => timer !== undefined || step !== null;

export function choose(to) {
	if (to !== id) stop();
	id = to;
	refresh();
}

// refresh asks for the connection, once at a time: what changes meanwhile is asked for
// after that.
export async function refresh() {
	if (id === undefined || replaying()) return;
	if (loading) { again = true; return; }
	loading = true;
	const asked = id;
	try {
		const got = await ask(`api/connections/${asked}`);
		if (asked === id && !replaying()) { doc = got; doc.asked = Date.now() + clock; show(got); }
	} catch (err) {
		if (asked === id) $("sentence").textContent = err.message;
	}
	loading = false;
	if (again || asked !== id) { again = false; refresh(); }
}

// way is the states that a side went through, up to a segment of the close.
function way(side, upto) {
	const r = doc.report, out = [];
	for (const l of [...r.opening, ...r.segments.slice(0, upto ?? r.segments.length)]) {
		const s = l.states[side];
		if (s && s !== out.at(-1)) out.push(s);
	}
	if (upto === undefined && r.states[side] && r.states[side] !== out.at(-1)) out.push(r.states[side]);
	return out;
}

function show(d, upto) {
	$("detail").hidden = false;
	const r = d.report, done = upto === undefined;
	$("which").textContent = `${r.client} → ${r.server}`;
	$("sentence").textContent = done ? (d.summary.done || r.close !== "open" ? t("why-closed", { close: t(`close-${r.close}`), reason: r.reason, rfc: r.rfc }) : t("still-open")) : "";
	$("client-name").textContent = t(d.client);
	$("server-name").textContent = t(d.server);
	for (const [i, side] of ["client", "server"].entries()) {
		const w = way(i, upto);
		draw($(`${side}-machine`), w, t("machine", { side: t(side), state: w.at(-1) ?? "?", way: w.join(", ") }));
	}
	showSVG($("ladder"), d.svg);
	const n = r.segments.length;
	for (const b of ["play", "back", "forward", "end"]) $(b).disabled = !d.summary.done || n === 0;
	timers();
}

// bar is a timer that runs out.
function bar(name, left, whole, live = true) {
	const p = el("progress", { max: whole, value: Math.max(0, left), "aria-label": name });
	return el("div", { class: "timer" }, el("span", {}, name), p, el("b", {}, live ? span(Math.max(0, left)) : span(whole)));
}

// timers draws those that run: 2MSL, the FIN's retransmission, and in a replay what was held.
function timers() {
	const out = [];
	if (doc && step === null) {
		const r = doc.report, now = Date.now() + clock;
		if (doc.summary.held_ms) out.push(bar(t("timer-ack"), life.ack - (now - doc.summary.held_ms), life.ack));
		for (const [i, who] of ["client", "server"].entries()) {
			if (r.states[i] === "TIME_WAIT") {
				const lasts = life[doc[who] === "lastack" ? "host" : "kernel"];
				const left = lasts - (now - doc.summary.last_ms);
				if (lasts && left > 0) out.push(bar(t("timer-2msl", { side: t(who) }), left, lasts));
			}
			const own = doc[who] === "lastack", next = own ? finTimer() : finAgain(r, who);
			if (!doc.summary.done && next && next.at > now) out.push(bar(t(own ? "timer-fin" : "timer-fin-guess", { side: t(who) }), next.at - now, next.whole));
		}
	} else if (doc && step > 0) {
		const l = doc.report.segments[step - 1];
		if (l?.held_us) out.push(bar(t("held", { ms: (l.held_us / 1000).toFixed(2) }), l.held_us / 1000, Math.max(l.held_us / 1000, 40), false));
	}
	$("timers").replaceChildren(...out);
}

// finTimer is when lastack's own FIN comes again, by its timer.
function finTimer() {
	const f = doc.fin_timer;
	return f && { whole: f.whole_ms, at: doc.asked + f.left_ms };
}

// finAgain is when a FIN of the other side that nobody acknowledged comes again. It is an estimate,
// by what its copies show: each waits twice as long as the one before (RFC 6298 5.5).
function finAgain(r, who) {
	const fins = r.segments.filter((l) => l.from === who && l.flags?.includes("FIN"));
	const side = who === "client" ? 0 : 1;
	if (fins.length < 2 || !["FIN_WAIT_1", "CLOSING", "LAST_ACK"].includes(r.states[side])) return null;
	const whole = 2 * (fins.at(-1).time_us - fins.at(-2).time_us) / 1000;
	const first = r.segments[0].time_us, lastAt = doc.summary.last_ms;
	return { whole, at: lastAt - (r.segments.at(-1).time_us - fins.at(-1).time_us) / 1000 + whole, first };
}

export function gauge(g, offset) {
	clock = offset;
	life.ack = g.delayed_ack_ms;
	for (const s of g.time_wait ?? []) life[s.side] = s.life_ms;
}

function stop() { clearTimeout(timer); timer = undefined; step = null; $("step").textContent = ""; }

async function go(to) {
	const n = doc.report.segments.length;
	step = Math.min(Math.max(to, 0), n);
	const mine = id;
	const d = step === n ? doc : await ask(`api/connections/${id}?upto=${step}`).catch(() => null);
	if (!d || mine !== id || step === null) return;
	show({ ...doc, svg: d.svg }, step === n ? undefined : step);
	const l = doc.report.segments[step - 1];
	const at = l ? `${(l.time_us / 1000).toFixed(3)} ms` : "";
	$("step").textContent = t("step", { step, n, at, held: l?.held_us ? t("held", { ms: (l.held_us / 1000).toFixed(2) }) : "" });
	timers();
}

function play() {
	if (timer !== undefined) { clearTimeout(timer); timer = undefined; words(); return; }
	if (step === null || step >= doc.report.segments.length) step = 0;
	const next = async () => {
		await go(step + 1);
		const s = doc.report.segments;
		if (step === null || step >= s.length) { timer = undefined; words(); return; }
		// Long waits are cut: a class sees that it waits, and goes on.
		const wait = Math.min((s[step].time_us - s[step - 1].time_us) / 1000 * slow, 3000);
		timer = setTimeout(next, Math.max(wait, 350));
	};
	timer = setTimeout(next, 0);
	words();
}

// png draws the picture again, on a canvas.
async function png() {
	const svg = await (await fetch(`api/connections/${id}/ladder.svg`)).text();
	const image = new Image();
	const url = URL.createObjectURL(new Blob([svg.replace("<svg ", '<svg width="1080" ')], { type: "image/svg+xml" }));
	image.src = url;
	await image.decode();
	const c = el("canvas", {});
	c.width = 1080;
	c.height = Math.round(1080 * image.naturalHeight / image.naturalWidth);
	const g = c.getContext("2d");
	g.fillStyle = getComputedStyle(document.body).backgroundColor;
	g.fillRect(0, 0, c.width, c.height);
	g.drawImage(image, 0, 0, c.width, c.height);
	URL.revokeObjectURL(url);
	c.toBlob((b) => save(b, `connection-${id}.png`));
}

export function words() {
	$("play").textContent = t(timer !== undefined ? "stop" : "play");
	const file = (name, label) => el("button", { id: `save-${name.replace(".", "-")}`, onclick: () => el("a", { href: `api/connections/${id}/${name}`, download: "" }).click() }, label);
	$("exports").replaceChildren(el("span", {}, t("export")), file("ladder.svg", "SVG"), el("button", { id: "save-png", onclick: png }, "PNG"),
		file("ladder.mmd", "Mermaid"), file("states.mmd", t("states-mermaid")),
		el("button", { id: "save-states-svg", onclick: () => saveSVG(document.querySelectorAll(".machine"), `connection-${id}-states.svg`) }, t("states-svg")), file("ladder.puml", "PlantUML"), file("ladder.txt", t("plain-text")));
	if (doc && !replaying()) show(doc);
}

export function start() {
	$("play").onclick = play;
	$("back").onclick = () => { clearTimeout(timer); timer = undefined; words(); go((step ?? doc.report.segments.length) - 1); };
	$("forward").onclick = () => { clearTimeout(timer); timer = undefined; words(); go((step ?? -1) + 1); };
	$("end").onclick = () => { stop(); words(); refresh(); };
	setInterval(() => { if (doc && step === null && !$("live").hidden) timers(); }, 100);
}
