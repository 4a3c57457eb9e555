package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// browserTab is a Chromium with one page, and what that complained about.
type browserTab struct {
	context.Context
	t        testing.TB
	mu       sync.Mutex
	problems []string
}

// openBrowser starts Chromium, or skips the test where there is none.
func openBrowser(t testing.TB) *browserTab {
	t.Helper()
	file, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("the page is looked at with Chromium: sudo apt-get install chromium")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(file), chromedp.NoSandbox,
		chromedp.Flag("no-proxy-server", true), chromedp.UserDataDir(t.TempDir()))
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewExecAllocator(ctx, opts...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	b := &browserTab{Context: ctx, t: t}
	b.do() // Console needs the browser, and its context must not end before that
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			b.mu.Lock()
			// A browser says of each answer 422 that there was one, and the tests ask for some.
			if !strings.Contains(m.String(), "status of 422") && m.Type != "log" && m.Type != "debug" && m.Type != "info" && len(b.problems) < 100 {
				b.problems = append(b.problems, m.String())
			}
			b.mu.Unlock()
		}
	}()
	return b
}

// shotsEnv names a folder for screenshots.
const shotsEnv = "LASTACK_SHOTS"

// shot keeps a picture of the page, if there is a folder for it.
func (b *browserTab) shot(name string) {
	b.t.Helper()
	dir := os.Getenv(shotsEnv)
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
	}
	if err != nil {
		b.t.Error(err)
	}
}

// wantQuiet reports what the page's console said.
func (b *browserTab) wantQuiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		b.t.Errorf("the console has: %s", p)
	}
}

func (b *browserTab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// until waits until a script's value is true.
func (b *browserTab) until(what, script string) {
	b.t.Helper()
	if _, err := chromedp.Run(b, chromedp.Poll[bool](script, chromedp.WithPollingTimeout(time.Minute), chromedp.WithPollingInterval(50*time.Millisecond))); err != nil {
		page, _ := chromedp.Run(b, chromedp.Evaluate[string](`document.body.innerText`))
		b.t.Fatalf("%s: %v; the page has:\n%s", what, err, page)
	}
}

// part runs a test of one part of the page.
func (b *browserTab) part(name string, f func(*testing.T, *browserTab)) {
	whole := b.t.(*testing.T)
	whole.Run(name, func(t *testing.T) {
		b.t = t
		defer func() { b.t = whole }()
		f(t, b)
	})
}

// set gives a field a value, as a person would who leaves it then.
func (b *browserTab) set(id, value string) {
	b.t.Helper()
	eval[bool](b, fmt.Sprintf(`((e) => { e.value = %q; e.dispatchEvent(new Event("input")); return e.dispatchEvent(new Event("change")); })(document.getElementById(%q))`, value, id))
}

func (b *browserTab) click(id string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS("#" + id)))
}

// startLab runs "lastack lab --web" and returns the page's address, and what ends it.
func startLab(t testing.TB, args ...string) (url string, end func()) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := exec.Command(program(t), append([]string{"lab", "--web=127.0.0.1:0"}, args...)...)
	c.Stdout, c.Stderr = f, f
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	end = func() {
		_ = c.Process.Signal(os.Interrupt) // an error means that it has ended
		<-ended
	}
	t.Cleanup(end)
	for over := false; !over; {
		select {
		case <-ended:
			over = true
		case <-time.After(100 * time.Millisecond):
		}
		said, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if m := regexp.MustCompile(`page: (\S+)`).FindSubmatch(said); m != nil {
			return string(m[1]), end
		}
		if over {
			t.Fatalf("it ended: %s", said)
		}
	}
	return "", nil
}

// prefers makes the browser report what the reader prefers: light or dark.
func prefers(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}

// eval is a script's value.
func eval[T any](b *browserTab, script string, opts ...chromedp.EvaluateOption) T {
	b.t.Helper()
	v, err := chromedp.Run(b, chromedp.Evaluate[T](script, opts...))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return v
}
