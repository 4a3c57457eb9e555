import { $, ask, speak, t } from "./text.js";
import * as live from "./live.js";
import * as switches from "./switches.js";
import * as predict from "./predict.js";
import * as timewait from "./timewait.js";

const views = { live, switches, predict, timewait };
let hello;

function link(state) {
	$("link").dataset.state = state;
	$("link").textContent = t(`link-${state}`);
}

function choose(name) {
	for (const v of Object.keys(views)) {
		const on = v === name;
		$(v).hidden = !on;
		$(`tab-${v}`).setAttribute("aria-selected", on);
		$(`tab-${v}`).tabIndex = on ? 0 : -1;
	}
	views[name].shown?.();
	if (location.hash !== `#${name}`) history.replaceState(null, "", `#${name}`);
}

function tabs() {
	const names = Object.keys(views);
	for (const name of names) $(`tab-${name}`).onclick = () => choose(name);
	$("tabs").onkeydown = (e) => {
		const at = names.findIndex((n) => $(`tab-${n}`) === document.activeElement);
		const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[e.key];
		if (to === undefined || at < 0) return;
		e.preventDefault();
		const name = names[(to + names.length) % names.length];
		choose(name);
		$(`tab-${name}`).focus();
	};
	window.onhashchange = () => choose(views[location.hash.slice(1)] ? location.hash.slice(1) : "live");
	window.onhashchange();
}

// listen follows the host, and finds it again after it was away.
function listen() {
	const events = new EventSource("api/events");
	events.onopen = () => { live.reset(); link("up"); };
	events.addEventListener("connections", (e) => live.take(JSON.parse(e.data)));
	events.addEventListener("gauge", (e) => { const g = JSON.parse(e.data); live.gauge(g); timewait.gauge(g); });
	events.onerror = async () => {
		link("down");
		if (events.readyState !== EventSource.CLOSED) return;
		// Refused: it answers, and has another token, or too many pages.
		try { await ask("api/hello"); } catch (err) { $("link").textContent = `${t("link-down")} ${err.message}`; }
		setTimeout(listen, 2000);
	};
}

async function language(lang) {
	await speak(lang);
	$("lang").value = lang;
	$("host").textContent = t("host-at", { addresses: hello.addresses.join(", "), version: hello.version });
	for (const v of Object.values(views)) v.words?.(hello);
}

hello = await ask("api/hello");
for (const v of Object.values(views)) v.start?.(hello);
let lang = "en";
try { lang = localStorage.getItem("lang") ?? (navigator.language.startsWith("zh") ? "zh" : "en"); } catch { /* none is kept */ }
await language(lang);
link("wait");
$("lang").onchange = async () => {
	try { localStorage.setItem("lang", $("lang").value); } catch { /* none is kept */ }
	await language($("lang").value);
	link($("link").dataset.state);
};
tabs();
listen();
