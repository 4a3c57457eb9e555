// The page's texts: one file a language, beside this one. What the host says in English is in
// another, by the English: questions and their answers, and what tunables do.
let texts = {}, english = {}, said = {};

export async function speak(lang) {
	const load = async (name) => (await fetch(`${name}.json`)).json();
	english = await load("en");
	texts = lang === "en" ? english : await load(lang);
	said = lang === "en" ? {} : await load(`${lang}-texts`);
	document.documentElement.lang = lang === "zh" ? "zh-CN" : lang;
	for (const e of document.querySelectorAll("[data-t]")) e.textContent = t(e.dataset.t);
	for (const e of document.querySelectorAll("[data-t-label]")) e.setAttribute("aria-label", t(e.dataset.tLabel));
}

// t is a text by its key; {name} in it stands for one of values.
export function t(key, values = {}) {
	const text = texts[key] ?? english[key] ?? key;
	return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// say is what the host says, in the page's language.
export const say = (text) => said[text] ?? text;

// el makes an element: el("b", {class: "x", onclick: f}, "text", child...).
export function el(name, attrs = {}, ...children) {
	const e = document.createElement(name);
	for (const [k, v] of Object.entries(attrs)) {
		if (typeof v === "function") e[k] = v;
		else if (v !== false && v !== undefined) e.setAttribute(k, v === true ? "" : v);
	}
	e.append(...children);
	return e;
}

export const $ = (id) => document.getElementById(id);

// ask sends a request, and throws what the host says is wrong.
export async function ask(path, method = "GET", body) {
	const r = await fetch(path, { method, body, headers: { "Accept-Language": document.documentElement.lang } });
	const text = await r.text();
	let doc;
	try { doc = JSON.parse(text); } catch { doc = { error: text.trim() }; }
	if (!r.ok) throw new Error(doc.error || r.statusText);
	return doc;
}

// showSVG puts a picture that the host drew into the page. Its texts are escaped there.
export function showSVG(into, svg) {
	const doc = new DOMParser().parseFromString(svg, "image/svg+xml");
	into.replaceChildren(document.importNode(doc.documentElement, true));
}

export function span(ms) {
	if (ms < 1000) return `${Math.round(ms)} ms`;
	if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
	return `${Math.floor(ms / 60000)} min ${Math.round(ms % 60000 / 1000)} s`;
}

// saveSVG saves pictures of the page, side by side, as one that carries its style.
export async function saveSVG(pictures, name) {
	const css = (await Promise.all(["ladder.css", "app.css"].map(async (f) => (await fetch(f)).text()))).join("");
	const NS = "http://www.w3.org/2000/svg";
	const all = document.createElementNS(NS, "svg");
	const style = document.createElementNS(NS, "style");
	style.textContent = css;
	all.append(style);
	let x = 0, high = 0;
	for (const p of pictures) {
		const [, , w, h] = p.getAttribute("viewBox").split(" ").map(Number);
		const copy = p.cloneNode(true);
		for (const [k, v] of Object.entries({ x, y: 0, width: w, height: h, style: `width: ${w}px; height: ${h}px` })) copy.setAttribute(k, v);
		all.append(copy);
		x += w + 20;
		high = Math.max(high, h);
	}
	all.setAttribute("viewBox", `0 0 ${x - 20} ${high}`);
	save(new Blob([new XMLSerializer().serializeToString(all)], { type: "image/svg+xml" }), name);
}

// save makes the browser save a file.
export function save(blob, name) {
	const a = el("a", { href: URL.createObjectURL(blob), download: name });
	a.click();
	setTimeout(() => URL.revokeObjectURL(a.href), 10000);
}
