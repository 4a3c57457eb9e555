// The states of RFC 9293 3.3.2 as a picture, with those lit that a side was and is in.
const W = 92, H = 20;
const at = {
	CLOSED: [160, 14], LISTEN: [62, 52], SYN_SENT: [258, 52], SYN_RECEIVED: [62, 96], ESTABLISHED: [258, 96],
	FIN_WAIT_1: [62, 148], CLOSE_WAIT: [270, 148], FIN_WAIT_2: [48, 204], CLOSING: [174, 204], LAST_ACK: [270, 204],
	TIME_WAIT: [150, 256], END: [270, 256],
};
// Where the middle of a line has no room for its words.
const place = { "FIN_WAIT_1>TIME_WAIT": [110, 207], "FIN_WAIT_2>TIME_WAIT": [84, 236], "ESTABLISHED>FIN_WAIT_1": [150, 118], "CLOSING>TIME_WAIT": [172, 233] };
const edges = [
	["CLOSED", "LISTEN", "", ""], ["CLOSED", "SYN_SENT", "", "SYN"], ["LISTEN", "SYN_RECEIVED", "SYN", "SYN+ACK"],
	["SYN_SENT", "ESTABLISHED", "SYN+ACK", "ACK"], ["SYN_RECEIVED", "ESTABLISHED", "ACK", ""],
	["ESTABLISHED", "FIN_WAIT_1", "", "FIN"], ["ESTABLISHED", "CLOSE_WAIT", "FIN", "ACK"],
	["FIN_WAIT_1", "FIN_WAIT_2", "ACK", ""], ["FIN_WAIT_1", "CLOSING", "FIN", "ACK"], ["FIN_WAIT_1", "TIME_WAIT", "FIN+ACK", ""],
	["CLOSE_WAIT", "LAST_ACK", "", "FIN"], ["FIN_WAIT_2", "TIME_WAIT", "FIN", "ACK"], ["CLOSING", "TIME_WAIT", "ACK", ""],
	["LAST_ACK", "END", "ACK", ""], ["TIME_WAIT", "END", "2MSL", ""],
];

function node(name, attrs, text) {
	const e = document.createElementNS("http://www.w3.org/2000/svg", name);
	for (const [k, v] of Object.entries(attrs)) e.setAttribute(k, v);
	if (text !== undefined) e.textContent = text;
	return e;
}

// border is where a line from one box to another leaves the first.
function border([x, y], [tx, ty]) {
	const dx = tx - x, dy = ty - y;
	const k = Math.min(dx ? W / 2 / Math.abs(dx) : Infinity, dy ? H / 2 / Math.abs(dy) : Infinity, 1);
	return [x + dx * k, y + dy * k];
}

// draw shows the way through the states, the last of which is now.
export function draw(into, way, label) {
	const svg = node("svg", { viewBox: "0 0 320 272", class: "machine", role: "img", "aria-label": label });
	const key = (state, i) => state === "CLOSED" && (i > 0) ? "END" : state;
	const keys = way.map(key);
	const pairs = new Set(keys.slice(1).map((k, i) => `${keys[i]}>${k}`));
	const words = [];
	for (const [from, to, rcv, snd] of edges) {
		const [x1, y1] = border(at[from], at[to]), [x2, y2] = border(at[to], at[from]);
		svg.append(node("line", { x1, y1, x2, y2, class: pairs.has(`${from}>${to}`) ? "went" : "" }));
		const text = [rcv, snd && `→ ${snd}`].filter(Boolean).join(" ");
		const [x, y] = place[`${from}>${to}`] ?? [(x1 + x2) / 2, (y1 + y2) / 2 + 3];
		if (text) words.push(node("text", { class: "word", x, y }, text));
	}
	svg.append(...words);
	for (const [k, [x, y]] of Object.entries(at)) {
		const state = k === "END" ? "CLOSED" : k;
		const now = keys.at(-1) === k, seen = keys.includes(k);
		const g = node("g", { class: `${state} ${now ? "now" : seen ? "seen" : ""}` });
		g.append(node("rect", { x: x - W / 2, y: y - H / 2, width: W, height: H, rx: 4 }), node("text", { x, y: y + 3.5 }, state));
		svg.append(g);
	}
	into.replaceChildren(svg);
}
