package web_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"lastack/harness/app"
	"lastack/harness/capture"
	"lastack/harness/host/control"
	"lastack/harness/host/trace"
	"lastack/harness/host/web"
	"lastack/harness/teardown/teardowntest"
	"lastack/stack/tunable"
)

// readTimeout is the servers', short, for it must not end what takes long.
const readTimeout = 300 * time.Millisecond

const token = "0123456789abcdef"

// closing is a close of three segments, by the client at a port.
func closing(port int) string {
	return fmt.Sprintf(`
client 10.77.0.1:%d
server 10.77.0.2:80
0    c SYN
0.1  s SYN+ACK
0.2  c ACK
1    c FIN+ACK
1.5  s FIN+ACK
1.6  c ACK
`, port)
}

func add(t testing.TB, b *web.Board, script string) {
	t.Helper()
	records, err := teardowntest.Parse(script)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		b.Add(&trace.Item{Time: r.Time, Seg: r.Seg, Out: r.Seg.Src.Port == 80})
	}
}

// site is a page about a board.
func site(t testing.TB, change func(*web.Config)) (*httptest.Server, *web.Board) {
	t.Helper()
	b := web.NewBoard()
	cfg := web.Config{
		Token: token, Board: b, Addrs: []netip.Addr{netip.MustParseAddr("10.77.0.2")}, Apps: app.Defaults(),
		Control: control.Config{Tunables: tunable.NewSet(), Info: func() control.HostInfo { return control.HostInfo{Version: "v1"} }},
	}
	if change != nil {
		change(&cfg)
	}
	h, err := web.Handler(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ReadTimeout = readTimeout
	srv.Start()
	t.Cleanup(srv.Close)
	return srv, b
}

// ask sends a request that knows the token.
func ask(t testing.TB, method, url, body string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		} else {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(got)
}

// TestStream: what was there, and what comes.
func TestStream(t *testing.T) {
	srv, b := site(t, nil)
	add(t, b, closing(1001))
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	next := func() (all []web.Summary) {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: ["); ok {
				if err := json.Unmarshal([]byte("["+data), &all); err != nil {
					t.Fatal(err)
				}
				return all
			}
		}
		t.Fatal(lines.Err())
		return nil
	}
	if got := next(); len(got) != 1 || got[0].Close != "three-way" || !got[0].Done {
		t.Errorf("first: %+v", got)
	}
	for gauges := 0; gauges < 2; { // one a second: the server's ReadTimeout is over
		if !lines.Scan() {
			t.Fatalf("the stream ended: %v", lines.Err())
		}
		if lines.Text() == "event: gauge" {
			gauges++
		}
	}
	add(t, b, closing(1002))
	if got := next(); len(got) != 1 || got[0].Client != "10.77.0.1:1002" {
		t.Errorf("then: %+v", got)
	}
}

// TestStreamsAreBounded: the seventeenth is refused, with a reason.
func TestStreamsAreBounded(t *testing.T) {
	srv, _ := site(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for range 16 {
		req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/api/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(err, resp)
		}
		defer resp.Body.Close()
	}
	if code, body := ask(t, "GET", srv.URL+"/api/events", ""); code != http.StatusServiceUnavailable || !strings.Contains(body, "close one") {
		t.Errorf("%d %s", code, body)
	}
}

// TestConnection: the ladder, its steps and its files; and what is forgotten.
func TestConnection(t *testing.T) {
	srv, b := site(t, nil)
	add(t, b, closing(1001))
	for path, want := range map[string]string{
		"":             `"verdict":"three-way: active closer client`,
		"?upto=1":      "FIN_WAIT_1",
		"/ladder.svg":  "<style>",
		"/ladder.txt":  "three-way: active closer client",
		"/ladder.mmd":  "sequenceDiagram",
		"/states.mmd":  "stateDiagram-v2",
		"/ladder.puml": "@startuml",
	} {
		if code, body := ask(t, "GET", srv.URL+"/api/connections/1"+path, ""); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.200s", path, code, body)
		}
	}
	_, step := ask(t, "GET", srv.URL+"/api/connections/1?upto=1", "")
	var doc struct{ SVG string }
	if err := json.Unmarshal([]byte(step), &doc); err != nil || strings.Contains(doc.SVG, ">TIME_WAIT<") {
		t.Errorf("after one segment the picture has TIME_WAIT already (%v)", err)
	}
	for _, path := range []string{"2", "x", "-1", "1/none"} {
		if code, body := ask(t, "GET", srv.URL+"/api/connections/"+path, ""); code != http.StatusNotFound || !strings.Contains(body, `"error"`) {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	if code, body := ask(t, "GET", srv.URL+"/api/session.html", ""); code != http.StatusOK || !strings.Contains(body, "</html>") || !strings.Contains(body, "10.77.0.1:1001") {
		t.Errorf("the session: %d %.200s", code, body)
	}
}

// TestLesson: the answer comes with the pictures, one lesson runs at a time, and the questions
// do not have the answer.
func TestLesson(t *testing.T) {
	began, end := make(chan struct{}), make(chan struct{})
	srv, _ := site(t, func(c *web.Config) {
		c.Lessons = []web.Lesson{{ID: "three-way", Question: "How many?", Truth: "Three."}}
		c.Run = func(ctx context.Context, l *web.Lesson) ([]web.Outcome, error) {
			began <- struct{}{}
			<-end
			return []web.Outcome{{Subject: "kernel", Verdict: "pass"}}, nil
		}
	})
	if _, body := ask(t, "GET", srv.URL+"/api/hello", ""); !strings.Contains(body, "How many?") || strings.Contains(body, "Three.") {
		t.Errorf("the questions: %s", body)
	}
	first := make(chan string)
	go func() {
		_, body := ask(t, "POST", srv.URL+"/api/lessons/three-way", "")
		first <- body
	}()
	<-began
	if code, _ := ask(t, "POST", srv.URL+"/api/lessons/three-way", ""); code != http.StatusConflict {
		t.Errorf("a second one: %d", code)
	}
	close(end)
	if body := <-first; !strings.Contains(body, `"truth":"Three."`) || !strings.Contains(body, `"subject":"kernel"`) {
		t.Errorf("the first: %s", body)
	}
	if code, _ := ask(t, "POST", srv.URL+"/api/lessons/none", ""); code != http.StatusNotFound {
		t.Errorf("an unknown one: %d", code)
	}
}

// TestMethods: what changes something is no GET, and an unknown action is said to be none.
func TestMethods(t *testing.T) {
	srv, _ := site(t, nil)
	for _, path := range []string{"/api/actions/curl", "/api/lessons/x"} {
		if code, _ := ask(t, "GET", srv.URL+path, ""); code == http.StatusOK {
			t.Errorf("GET %s: %d", path, code)
		}
	}
	if code, body := ask(t, "POST", srv.URL+"/api/actions/rm", ""); code != http.StatusNotFound || !strings.Contains(body, "no such action") {
		t.Errorf("%d %s", code, body)
	}
}

// TestBoardIsBounded: connections and packets past the bounds push out the oldest.
func TestBoardIsBounded(t *testing.T) {
	b := web.NewBoard()
	for port := range 600 {
		add(t, b, closing(2000+port))
	}
	list, _ := b.Since(0, 1<<20)
	if len(list) != 512 {
		t.Errorf("%d finished connections are remembered", len(list))
	}
	if started, closes := b.Counts(); started != 600 || closes != 600 {
		t.Errorf("%d began, %d closed", started, closes)
	}
	records, err := teardowntest.Parse(closing(1))
	if err != nil {
		t.Fatal(err)
	}
	big := make([]byte, 64<<10)
	for range 400 {
		b.Add(&trace.Item{Time: records[0].Time, Seg: records[0].Seg, Packet: big})
	}
	kept := 0
	for _, p := range b.Packets() {
		kept += len(p.Data)
	}
	if kept > 16<<20 || kept < 15<<20 {
		t.Errorf("%d bytes of packets are kept", kept)
	}
}

// TestSessionCapture: what is exported is a capture that the readers here take.
func TestSessionCapture(t *testing.T) {
	srv, b := site(t, nil)
	records, err := teardowntest.Parse(closing(1001))
	if err != nil {
		t.Fatal(err)
	}
	packet := append([]byte{0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 77, 0, 1, 10, 77, 0, 2}, make([]byte, 20)...)
	for _, r := range records {
		b.Add(&trace.Item{Time: r.Time, Seg: r.Seg, Packet: packet})
	}
	_, body := ask(t, "GET", srv.URL+"/api/session.pcapng", "")
	f, err := capture.NewReader(bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	if all, err := capture.ReadAll(f); err != nil || len(all) != len(records) {
		t.Errorf("%d packets of %d, %v", len(all), len(records), err)
	}
}

// TestConfig: what is missing is said.
func TestConfig(t *testing.T) {
	for _, c := range []web.Config{{Token: "short"}, {Token: token}} {
		if _, err := web.Handler(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

// TestHeld: an ACK that is held shows until something goes out, and is no segment.
func TestHeld(t *testing.T) {
	b := web.NewBoard()
	records, err := teardowntest.Parse(closing(1001))
	if err != nil {
		t.Fatal(err)
	}
	item := func(i int) *trace.Item {
		return &trace.Item{Time: records[i].Time, Seg: records[i].Seg, Out: records[i].Seg.Src.Port == 80}
	}
	for i := range 4 { // up to the client's FIN
		b.Add(item(i))
	}
	held := item(4)
	held.Waiting = true
	b.Add(held)
	list, seq := b.Since(0, 10)
	if len(list) != 1 || list[0].HeldMS != held.Time.UnixMilli() || list[0].Done {
		t.Fatalf("held: %+v", list)
	}
	b.Add(item(4))
	if list, _ = b.Since(seq, 10); len(list) != 1 || list[0].HeldMS != 0 {
		t.Errorf("gone: %+v", list)
	}
	if _, r, ok := b.Report(list[0].ID); !ok || len(r.Segments) != 2 {
		t.Errorf("the close has %d segments", len(r.Segments))
	}
	// One of no known connection is nobody's.
	records[4].Seg.Dst.Port = 9
	held.Seg = records[4].Seg
	b.Add(held)
}
