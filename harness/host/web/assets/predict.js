import { $, ask, el, say, saveSVG, showSVG, t } from "./text.js";

const closes = ["three-way", "four-way", "simultaneous", "half-closed", "reset", "refused", "open", "unanswered"];
const holders = ["client", "server", "both", "none"];
const marks = ["holds", "in part", "does not hold"];
let lessons = [], score = { right: 0, of: 0 }, lesson;

function radios(name, title, values, word) {
	return el("fieldset", {}, el("legend", {}, title), ...values.map((v) => el("label", {},
		el("input", { type: "radio", name, value: v, required: true }), " ", word(v))));
}

function choose() {
	lesson = lessons.find((l) => l.id === $("lesson").value) ?? lessons[0];
	$("answer").replaceChildren();
	$("lesson-said").textContent = "";
	if (!lesson) {
		$("question").textContent = t("no-lessons");
		$("guess").replaceChildren();
		return;
	}
	$("question").textContent = lesson.claim ? t("claim", { n: lesson.claim, text: say(lesson.question) }) : say(lesson.question);
	const parts = lesson.claim ? [radios("mark", t("ask-claim"), marks, (v) => t(`mark-${v}`))]
		: [radios("close", t("ask-close"), closes, (v) => t(`close-${v}`)), radios("time_wait", t("ask-time-wait"), holders, (v) => t(v))];
	$("guess").replaceChildren(...parts, el("button", { id: "run-lesson" }, t("run-lesson")));
}

function keep() { $("score").textContent = t("score", score); }

// grade holds what was predicted against the kernel's outcome.
function grade(guess, o) {
	const out = [];
	const one = (asked, got, word) => {
		const right = asked === got;
		score.of++;
		if (right) score.right++;
		out.push(el("p", { class: right ? "right" : "wrong" }, t(right ? "was-right" : "was-wrong", { guess: word(asked), got: word(got) })));
	};
	if (lesson.claim) one(guess.get("mark"), o.verdict, (v) => t(`mark-${v}`));
	else if (o.close) {
		one(guess.get("close"), o.close, (v) => t(`close-${v}`));
		one(guess.get("time_wait"), o.time_wait, (v) => t(v));
	}
	keep();
	return out;
}

async function run(e) {
	e.preventDefault();
	const guess = new FormData($("guess")), mine = lesson;
	$("run-lesson").disabled = true;
	$("lesson-said").textContent = t("lesson-runs");
	let a;
	try { a = await ask(`api/lessons/${mine.id}`, "POST"); } catch (err) {
		$("lesson-said").textContent = err.message;
		$("run-lesson").disabled = false;
		return;
	}
	if (mine !== lesson) return;
	$("lesson-said").textContent = "";
	const kernel = a.outcomes.find((o) => o.subject === "kernel" && o.verdict !== "skip") ?? a.outcomes.find((o) => o.verdict !== "skip");
	const sides = a.outcomes.map((o) => {
		const box = el("div", {}, el("h2", {}, t(`on-${o.subject}`)), el("p", { class: "verdict" }, lesson.claim ? t(`mark-${o.verdict}`) : o.close ? `${t(`close-${o.close}`)}; TIME_WAIT: ${t(o.time_wait)}` : o.verdict));
		if (o.verdict === "fail") box.append(el("p", { class: "wrong" }, t("unexpected")));
		if (o.why) box.append(el("p", {}, o.why));
		if (o.reason) box.append(el("p", {}, o.reason));
		if (o.svg) { const d = el("div", { class: "ladder-box" }); showSVG(d, o.svg); box.append(d); }
		return box;
	});
	$("answer").replaceChildren(...(kernel ? grade(guess, kernel) : []), el("p", {}, say(a.truth ?? "")),
		...(a.wrong ? [el("p", { class: "faint" }, `${t("people-think")} ${say(a.wrong)}`)] : []), el("div", { class: "answer" }, ...sides));
	const drawn = $("answer").querySelectorAll("svg.ladder");
	if (drawn.length) $("answer").append(el("button", { id: "save-answer", onclick: () => saveSVG(drawn, `${mine.id}.svg`) }, t("save-answer")));
	$("run-lesson").disabled = false;
}

export function words(hello) {
	lessons = hello.lessons;
	const was = $("lesson").value;
	const group = (label, list) => el("optgroup", { label }, ...list.map((l) => el("option", { value: l.id }, l.claim ? `${l.claim}. ${say(l.question)}` : say(l.question))));
	$("lesson").replaceChildren(...(lessons.length ? [group(t("experiments"), lessons.filter((l) => !l.claim)), group(t("claims"), lessons.filter((l) => l.claim))] : []));
	if (was) $("lesson").value = was;
	choose();
	keep();
}

export function start() {
	$("lesson").onchange = choose;
	$("guess").onsubmit = run;
}
