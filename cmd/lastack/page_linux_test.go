package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestPage uses every part of the page in a browser, against a lab of its own.
func TestPage(t *testing.T) {
	needLab(t)
	// On a busy machine a server that closes at once may take longer than the 40 ms for which an
	// ACK is held otherwise; one that closes slowly takes 300 ms.
	addr, _ := startLab(t, "-w", "lastack.delayed_ack_ms=150")
	b := openBrowser(t)
	b.do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate(addr))
	b.until("connected", `document.getElementById("link").dataset.state === "up"`)
	if at := eval[string](b, `location.href`); strings.Contains(at, "token") {
		t.Errorf("the token stays in the address: %s", at)
	}
	b.part("clients", pageClients)
	b.part("replay", pageReplay)
	b.part("switches", pageSwitches)
	b.part("time-wait", pageTimeWait)
	b.part("predict", pagePredict)
	b.part("keyboard", pageKeyboard)
	b.part("languages", pageLanguages)
	b.part("exports", pageExports)
	b.part("named", pageNamed)
	b.part("narrow", pageNarrow)
	b.wantQuiet()
	pageWithoutToken(t, addr)
}

// act presses a client's button and waits for its end.
func (b *browserTab) act(id string) {
	b.t.Helper()
	b.click("act-" + id)
	b.until(id, fmt.Sprintf(`!document.getElementById("act-%s").disabled`, id))
}

// pageClients: each client closes as its button says, and the states shown are those of the
// host and of the control API.
func pageClients(t *testing.T, b *browserTab) {
	for _, c := range []struct{ id, sentence, state string }{
		{"curl", "three-way", "TIME_WAIT"},
		{"slow-close", "four-way", "TIME_WAIT"},
		{"half-close", "four-way", "TIME_WAIT"},
		{"server-first", "(three|four)-way", "CLOSED"}, // as the kernel's client is in time or not
		{"abort", "reset", "CLOSED"},
		{"fast-open", "three-way", "TIME_WAIT"},
		{"leak", "half-closed", "FIN_WAIT_2"},
	} {
		b.act(c.id)
		b.until(c.id, fmt.Sprintf(`/^%s/.test(document.getElementById("sentence").textContent)`, c.sentence))
		b.until(c.id, fmt.Sprintf(`document.querySelector("#client-machine .now text").textContent === %q`, c.state))
	}
	if got := eval[[]string](b, `(async () => (await (await fetch("v1/sockets?state=close-wait")).json()).map((s) => s.local))()`, chromedp.EvalAwaitPromise); !slices.Equal(got, []string{"10.77.0.2:8004"}) {
		t.Errorf("the control API has %v in CLOSE_WAIT", got)
	}
	if got := eval[string](b, `document.querySelector("#server-machine .now text").textContent`); got != "CLOSE_WAIT" {
		t.Errorf("the page has %s", got)
	}
	b.act("flood")
	b.until("the flood is counted", `/10[0-9] closed/.test(document.getElementById("counts").textContent)`)
}

// pageReplay goes through a close by segments, and filters the list for it.
func pageReplay(_ *testing.T, b *browserTab) {
	b.do(chromedp.SendKeys(chromedp.CSS("#filter"), "four-way 8002"))
	b.until("one is left", `document.querySelectorAll("#rows tr").length === 1`)
	b.do(chromedp.Click(chromedp.CSS("#rows button")))
	b.until("it is chosen", `document.getElementById("which").textContent.endsWith(":8002")`)
	b.until("its 2MSL runs out", `document.querySelector("#timers progress")?.value > 0`)
	b.click("forward")
	b.until("the handshake alone", `/^Segment 0 /.test(document.getElementById("step").textContent)`)
	b.click("forward")
	b.until("the FIN", `document.querySelector("#client-machine .now text").textContent === "FIN_WAIT_1"`)
	b.click("back")
	b.until("no FIN", `document.querySelector("#client-machine .now text").textContent === "ESTABLISHED"`)
	b.click("play")
	b.until("it is played", `document.querySelector("#client-machine .now text").textContent === "TIME_WAIT" && document.getElementById("play").textContent.startsWith("Play")`)
	b.click("end")
	b.set("filter", "")
	b.click("pause")
	b.until("paused", `document.getElementById("pause").getAttribute("aria-pressed") === "true"`)
	b.click("pause")
}

// pageSwitches sets a tunable and rules, well and badly.
func pageSwitches(_ *testing.T, b *browserTab) {
	b.click("tab-switches")
	const input = `document.getElementById("t-lastack.delayed_ack")`
	b.until("the tunables", input+` !== null`)
	set := func(v string) { b.set("t-lastack.delayed_ack", v) }
	set("2")
	b.until("what it takes", `[...document.querySelectorAll("#tunables .error")].some((e) => e.textContent.includes("give 0 or 1"))`)
	set("0")
	b.until("it is changed", input+`.closest(".tunable").classList.contains("changed")`)
	b.do(chromedp.SendKeys(chromedp.CSS("#rule"), "lose all"+kb.Enter))
	b.until("what a rule is", `document.getElementById("rule-error").textContent.includes("\"lose\" is not understood")`)
	b.click("preset-lose-fin-peer")
	b.until("the rule", `document.querySelectorAll("#rules code").length === 1`)
	b.click("tab-live")
	eval[bool](b, `document.getElementById("follow").checked = true`)
	b.act("close-together")
	b.until("the FIN is lost and comes again", `document.querySelector("#ladder .cross") !== null && document.getElementById("sentence").textContent.includes("four")`)
	b.click("tab-switches")
	b.click("preset-clear")
	b.until("no rule", `document.querySelectorAll("#rules code").length === 0`)
	set("1")
	b.until("it is as before", `!`+input+`.closest(".tunable").classList.contains("changed")`)
}

// pageTimeWait: the picture counts what the kernel holds.
func pageTimeWait(_ *testing.T, b *browserTab) {
	b.click("tab-timewait")
	b.until("a hundred", `/10\d connections/.test(document.getElementById("sides").textContent)`)
	b.until("as bars", `[...document.querySelectorAll(".ages i")].some((i) => i.style.height === "100%")`)
}

// pagePredict guesses an experiment right and wrong.
func pagePredict(t *testing.T, b *browserTab) {
	b.click("tab-predict")
	b.set("lesson", "three-way")
	b.do(chromedp.Click(chromedp.CSS(`#guess input[value="three-way"]`)), chromedp.Click(chromedp.CSS(`#guess input[value="server"]`)))
	b.click("run-lesson")
	b.until("both ladders", `document.querySelectorAll("#answer svg.ladder").length === 2`)
	b.shot("answer")
	if got := eval[string](b, `document.getElementById("score").textContent`); got != "Score: 1 of 2" {
		t.Errorf("%q", got)
	}
}

// pageKeyboard: the views are tabs, which arrows choose.
func pageKeyboard(t *testing.T, b *browserTab) {
	b.do(chromedp.Focus(chromedp.CSS("#tab-predict")), chromedp.KeyEvent(kb.ArrowRight))
	b.until("the next", `document.activeElement.id === "tab-timewait" && !document.getElementById("timewait").hidden`)
	b.do(chromedp.KeyEvent(kb.Home))
	b.until("the first", `document.activeElement.id === "tab-live"`)
	b.do(chromedp.KeyEvent(kb.Tab))
	if got := eval[string](b, `document.activeElement.id`); got != "act-curl" {
		t.Errorf("Tab leads from the tabs to %q", got)
	}
}

// pageLanguages: Chinese and back.
func pageLanguages(_ *testing.T, b *browserTab) {
	b.set("lang", "zh")
	b.until("Chinese", `document.getElementById("tab-live").textContent === "连接" && document.documentElement.lang === "zh-CN"`)
	b.until("the questions, too", `/\p{Script=Han}/u.test(document.getElementById("lesson").textContent)`)
	b.until("and the sentence", `document.getElementById("sentence").textContent.includes("。")`)
	b.shot("zh")
	b.set("lang", "en")
	b.until("English", `document.getElementById("tab-live").textContent === "Connections"`)
}

// pageExports: each button saves the chosen connection's ladder, as a file that has something in
// it.
func pageExports(t *testing.T, b *browserTab) {
	b.click("tab-live")
	eval[bool](b, `(() => {
		HTMLAnchorElement.prototype.click = function () { window.saved = this; };
		const make = URL.createObjectURL;
		URL.createObjectURL = (blob) => { window.blob = blob; return make.call(URL, blob); };
		window.bytes = async () => new Uint8Array(await (saved.href.startsWith("blob:") ? blob : await fetch(saved.href)).arrayBuffer());
		return true;
	})()`)
	for id, want := range map[string]string{
		"save-ladder-svg": "<svg ", "save-png": "\x89PNG", "save-ladder-mmd": "sequenceDiagram", "save-states-mmd": "stateDiagram", "save-ladder-puml": "@startuml", "save-states-svg": "<svg ", "save-ladder-txt": "client ",
	} {
		eval[bool](b, `(window.saved = null, true)`)
		b.click(id)
		b.until(id, `window.saved !== null`)
		got := eval[string](b, `(async () => { const a = await bytes(); return a.length < 400 ? "" : String.fromCharCode(...a.slice(0, 20)); })()`, chromedp.EvalAwaitPromise)
		if !strings.HasPrefix(got, strings.Replace(want, "\x89", "\u0089", 1)) {
			t.Errorf("%s: %q", id, got)
		}
	}
}

// pageNamed: each control and each picture has a name for a screen reader.
func pageNamed(t *testing.T, b *browserTab) {
	nameless := eval[[]string](b, `[...document.querySelectorAll("button, input, select, a, [role=img], [role=tabpanel], [role=group], progress, meter")].filter((e) => {
		const by = e.getAttribute("aria-labelledby");
		const name = e.getAttribute("aria-label") || by && by.split(" ").map((i) => document.getElementById(i)?.textContent).join("") || e.textContent.trim() || [...e.labels ?? []].map((l) => l.textContent).join("");
		return !name.trim();
	}).map((e) => e.outerHTML.slice(0, 80))`)
	if len(nameless) > 0 {
		t.Errorf("without a name: %q", nameless)
	}
}

// pageNarrow: on a phone no view is wider than the screen.
func pageNarrow(t *testing.T, b *browserTab) {
	b.do(chromedp.EmulateViewport(360, 800))
	for _, view := range []string{"live", "switches", "predict", "timewait"} {
		b.click("tab-" + view)
		b.until(view, fmt.Sprintf(`!document.getElementById(%q).hidden`, view))
		if wide := eval[int](b, `document.documentElement.scrollWidth`); wide > 360 {
			t.Errorf("%s is %d pixels wide", view, wide)
		}
	}
}

// pageWithoutToken: nobody else gets in.
func pageWithoutToken(t *testing.T, addr string) {
	u, err := url.Parse(addr)
	if err != nil {
		t.Fatal(err)
	}
	u.RawQuery = "token=0123456789abcdef"
	resp, err := http.Get(u.String())
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("with another token: %s", resp.Status)
	}
}

// TestPageFindsTheHostAgain: after a restart with the same token, on the same port.
func TestPageFindsTheHostAgain(t *testing.T) {
	needLab(t)
	t.Setenv(webTokenEnv, "0123456789abcdef")
	addr, end := startLab(t)
	b := openBrowser(t)
	b.do(chromedp.Navigate(addr))
	b.until("connected", `document.getElementById("link").dataset.state === "up"`)
	b.act("curl")
	end()
	b.until("it is gone", `document.getElementById("link").dataset.state === "down"`)
	u, err := url.Parse(addr)
	if err != nil {
		t.Fatal(err)
	}
	startLab(t, "--web="+u.Host)
	b.until("it is back", `document.getElementById("link").dataset.state === "up"`)
	b.until("with nothing of the old one", `document.querySelectorAll("#rows tr").length === 0`)
	b.act("abort")
	b.until("and shows the new one", `document.getElementById("sentence").textContent.startsWith("reset")`)
}

// BenchmarkPage is the page under a load of about 500 connections a second: each iteration
// is a second of it. It reports the times between frames, and the memory of the page's script.
func BenchmarkPage(b *testing.B) {
	needLab(b)
	addr, _ := startLab(b)
	tab := openBrowser(b)
	tab.do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate(addr))
	tab.until("connected", `document.getElementById("link").dataset.state === "up"`)
	eval[bool](tab, `(() => {
		window.frames_ = []; let last = performance.now();
		const f = (now) => { frames_.push(now - last); last = now; requestAnimationFrame(f); };
		requestAnimationFrame(f);
		return true;
	})()`)
	for b.Loop() {
		eval[bool](tab, `(async () => {
			const end = performance.now() + 1000;
			for (let i = 0; i < 5; i++) await fetch("api/actions/flood", { method: "POST" });
			await new Promise((r) => setTimeout(r, Math.max(0, end - performance.now())));
			return true;
		})()`, chromedp.EvalAwaitPromise)
	}
	frames := eval[[]float64](tab, `frames_.sort((a, b) => a - b), [frames_[frames_.length >> 1], frames_[Math.floor(frames_.length * .99)], frames_.at(-1)]`)
	for i, name := range []string{"p50-frame-ms", "p99-frame-ms", "max-frame-ms"} {
		b.ReportMetric(frames[i], name)
	}
	b.ReportMetric(eval[float64](tab, `performance.memory.usedJSHeapSize / 1e6`), "script-MB")
	b.ReportMetric(eval[float64](tab, `document.querySelectorAll("*").length`), "elements")
	b.Logf("%s", eval[string](tab, `document.getElementById("counts").textContent`))
}

// TestPageShots writes screenshots to look at into the folder LASTACK_SHOTS.
func TestPageShots(t *testing.T) {
	if os.Getenv(shotsEnv) == "" {
		t.Skipf("for eyes: %s=DIR makes screenshots there", shotsEnv)
	}
	needLab(t)
	addr, _ := startLab(t)
	b := openBrowser(t)
	b.do(chromedp.Navigate(addr))
	b.until("connected", `document.getElementById("link").dataset.state === "up"`)
	for _, id := range []string{"curl", "flood", "leak", "slow-close"} {
		b.act(id)
	}
	b.until("closed", `document.getElementById("sentence").textContent.startsWith("four-way")`)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{360, 768, 1280, 1920} {
			b.do(prefers(scheme), chromedp.EmulateViewport(width, 900))
			for _, view := range []string{"live", "switches", "predict", "timewait"} {
				b.click("tab-" + view)
				b.do(chromedp.Sleep(700 * time.Millisecond))
				b.shot(fmt.Sprintf("%s-%s-%d", view, scheme, width))
			}
		}
	}
	b.wantQuiet()
}
