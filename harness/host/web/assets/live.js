import { $, ask, el, span, t } from "./text.js";
import * as detail from "./detail.js";

const keep = 800, rowsShown = 100; // connections the page remembers, and lists
let all = new Map(), dirty = false, clock = 0, numbers;

export function reset() { all = new Map(); dirty = true; }

export function take(list) {
	let latest;
	for (const c of list) {
		if (!all.has(c.id)) latest = c.id;
		all.delete(c.id);
		all.set(c.id, c); // the latest change last
	}
	for (const id of all.keys()) {
		if (all.size <= keep) break;
		all.delete(id);
	}
	dirty = true;
	if ($("pause").getAttribute("aria-pressed") === "true") return;
	if (latest !== undefined && $("follow").checked && !detail.replaying()) detail.choose(latest);
	else if (list.some((c) => c.id === detail.chosen())) detail.refresh();
}

export function gauge(g) {
	clock = g.now_ms - Date.now();
	numbers = g;
	detail.gauge(g, clock);
	dirty = true;
}

function age(c) {
	return span(Math.max(0, (c.done ? c.last_ms : Date.now() + clock) - c.start_ms));
}

function row(c) {
	const states = el("td", {});
	for (const s of c.states) if (s) states.append(el("span", { class: `state ${s}` }, s), " ");
	let close = c.done ? t(`close-${c.close}`) : c.close === "open" ? "" : t("so-far", { close: t(`close-${c.close}`) });
	if (c.held_ms) close += ` ${t("ack-held")}`;
	if (c.fin_retransmissions) close += `, ${t("fins-again", { n: c.fin_retransmissions })}`;
	if (c.reset_by && c.reset_by !== "none") close += `, RST: ${t(c.reset_by)}`;
	return el("tr", { class: c.id === detail.chosen() ? "chosen" : "" },
		el("td", {}, el("button", { onclick: () => { $("follow").checked = false; detail.choose(c.id); dirty = true; }, "aria-label": t("show", { id: c.id, client: c.client, server: c.server }) }, `${c.client} → ${c.server.replace(/^.*:/, ":")}`)),
		states, el("td", {}, age(c)), el("td", {}, close));
}

function matches(c, words) {
	const text = `${c.client} ${c.server} ${c.states.join(" ")} ${c.close} ${c.cause ?? ""}`.toLowerCase();
	return words.every((w) => text.includes(w));
}

function draw() {
	if (!dirty || $("live").hidden || $("pause").getAttribute("aria-pressed") === "true") return;
	dirty = false;
	const words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
	const found = [...all.values()].filter((c) => matches(c, words)).sort((a, b) => b.id - a.id);
	const focused = document.activeElement?.closest?.("#rows tr");
	const at = focused ? [...$("rows").children].indexOf(focused) : -1;
	$("rows").replaceChildren(...found.slice(0, rowsShown).map(row));
	if (at >= 0) $("rows").children[Math.min(at, $("rows").children.length - 1)]?.querySelector("button").focus();
	if (numbers) $("counts").textContent = t("counts", { shown: Math.min(found.length, rowsShown), started: numbers.started, closes: numbers.closes, open: numbers.flows });
}

async function act(id, button) {
	button.disabled = true;
	$("said").textContent = t("running", { what: t(`act-${id}`) });
	try {
		const r = await ask(`api/actions/${id}`, "POST");
		$("said").textContent = `${r.command}: ${r.error || r.printed.slice(0, 120) || t("done")}`;
	} catch (err) {
		$("said").textContent = err.message;
	}
	button.disabled = false;
}

export function words(hello) {
	$("actions").replaceChildren(...hello.actions.map((id) => {
		const b = el("button", { id: `act-${id}`, title: t(`act-${id}-title`) }, t(`act-${id}`));
		b.onclick = () => act(id, b);
		return b;
	}));
	dirty = true;
	detail.words();
	detail.refresh(); // its sentences are the host's
}

export function start() {
	$("filter").oninput = () => { dirty = true; };
	$("pause").onclick = () => {
		const on = $("pause").getAttribute("aria-pressed") !== "true";
		$("pause").setAttribute("aria-pressed", on);
		dirty = true;
	};
	detail.start();
	setInterval(() => requestAnimationFrame(draw), 250);
	setInterval(() => { dirty = true; }, 1000); // ages
}

export function shown() { dirty = true; }
