import { $, ask, el, say, t } from "./text.js";

const presets = {
	"lose-fin-peer": "drop the 1st of all FIN from peer",
	"lose-fin-host": "drop the 1st of all FIN from host",
	"lose-last-ack": "drop the 1st of all ACK of a FIN from peer",
	"lose-ack-host": "drop the 1st of all pure ACK of a FIN from host",
	"delay-ack-peer": "delay every pure ACK of a FIN from peer by 100 ms",
	"twice-fin": "duplicate every FIN from peer",
	"lossy": "drop 20% of segments from either",
};
let rules = [];

async function put(list) {
	$("rule-error").textContent = "";
	try {
		rules = await ask("v1/impairments", "PUT", list.join("\n"));
	} catch (err) {
		$("rule-error").textContent = err.message;
		return false;
	}
	draw();
	return true;
}

function draw() {
	$("rules").replaceChildren(...rules.map((r, i) => el("li", {}, el("code", {}, r), " ",
		el("button", { onclick: () => put(rules.filter((_, j) => j !== i)), "aria-label": t("remove-rule", { rule: r }) }, t("remove")))));
	if (!rules.length) $("rules").replaceChildren(el("li", { class: "faint" }, t("good-wire")));
}

async function load() {
	rules = await ask("v1/impairments");
	draw();
	$("tunables").replaceChildren(...(await ask("v1/tunables")).map(tunable));
}

function tunable(d) {
	const id = `t-${d.name}`;
	const error = el("p", { class: "error", role: "alert" });
	const box = el("div", { class: "tunable" });
	const set = (s) => { input.value = s.value; box.classList.toggle("changed", s.value !== s.default); };
	const send = async () => {
		error.textContent = "";
		try { set(await ask(`v1/tunables/${d.name}`, "PUT", input.value)); } catch (err) { error.textContent = err.message; }
	};
	const input = el("input", { id, autocomplete: "off", spellcheck: "false", size: 12, onchange: send });
	const range = d.name.includes("_key") ? "" : `${d.min}–${d.max} ${d.unit}`.trim() + "; ";
	box.append(el("label", { for: id }, el("code", {}, d.name)), el("span", {}, input, " ", el("small", { class: "faint" }, d.unit)),
		error, el("details", {}, el("summary", {}, t("what-it-does"), el("span", { class: "faint" }, ` (${range}${t("default")} ${d.default})`)), el("pre", {}, say(d.doc))));
	set(d);
	return box;
}

export function words() {
	$("presets").replaceChildren(...Object.entries(presets).map(([key, rule]) =>
		el("button", { id: `preset-${key}`, title: rule, onclick: () => put([...rules, rule]) }, t(`preset-${key}`))),
	el("button", { id: "preset-clear", onclick: () => put([]) }, t("preset-clear")));
	draw();
	if (!$("switches").hidden) load();
}

export function start() {
	$("rule-form").onsubmit = async (e) => {
		e.preventDefault();
		if ($("rule").value.trim() && await put([...rules, $("rule").value])) $("rule").value = "";
	};
}

export function shown() { load(); }
