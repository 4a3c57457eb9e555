package web

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"lastack/harness/capture"
	"lastack/harness/teardown"
	"lastack/harness/teardown/ladder"
)

// connection is all about one, with its ladder.
func (s *site) connection(w http.ResponseWriter, r *http.Request) {
	sum, report, ok := s.find(w, r)
	if !ok {
		return
	}
	cfg := s.sides(report)
	if wantsChinese(r) {
		report = inChinese(report)
	}
	drawn := *report
	local, remote := report.Server, report.Client
	if cfg.Client == "lastack" {
		local, remote = remote, local
	}
	// A step of a close that is gone through again: the segments up to there.
	if upto, err := strconv.Atoi(r.URL.Query().Get("upto")); err == nil && upto >= 0 && upto < len(drawn.Segments) {
		drawn.Segments = drawn.Segments[:upto]
	}
	reply(w, map[string]any{
		"summary": sum, "report": report, "verdict": ladder.Verdict(report), "svg": ladder.SVG(&drawn, cfg, "live"),
		"client": cfg.Client, "server": cfg.Server, "fin_timer": s.finTimer(local, remote),
	})
}

// finTimer is the timer of the host's FIN, in milliseconds.
type finTimer struct {
	LeftMS  int64 `json:"left_ms"`
	WholeMS int64 `json:"whole_ms"`
}

// finTimer is nil where none runs.
func (s *site) finTimer(local, remote string) *finTimer {
	if s.FINTimer == nil {
		return nil
	}
	from, err := netip.ParseAddrPort(local)
	to, bad := netip.ParseAddrPort(remote)
	if err != nil || bad != nil {
		return nil // a name that a capture has in place of an address
	}
	left, whole, runs := s.FINTimer(from, to)
	if !runs {
		return nil
	}
	return &finTimer{left.Milliseconds(), whole.Milliseconds()}
}

// find is the connection that the path names, or answers that there is none.
func (s *site) find(w http.ResponseWriter, r *http.Request) (Summary, *teardown.Report, bool) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		fail(w, http.StatusNotFound, "a connection is named by its number")
		return Summary{}, nil, false
	}
	sum, report, ok := s.Board.Report(id)
	if !ok {
		fail(w, http.StatusNotFound, fmt.Sprintf("connection %d is forgotten: the latest %d finished ones are remembered", id, maxDone))
	}
	return sum, report, ok
}

// sides say which end is the host.
func (s *site) sides(r *teardown.Report) ladder.Config {
	for _, a := range s.Addrs {
		if strings.HasPrefix(r.Client, hostPrefix(a.String())) {
			return ladder.Config{Client: "lastack", Server: "the kernel"}
		}
	}
	return ladder.Config{Client: "the kernel", Server: "lastack"}
}

func hostPrefix(addr string) string {
	if strings.Contains(addr, ":") {
		return "[" + addr + "]:"
	}
	return addr + ":"
}

// export is a connection's ladder as a file.
func (s *site) export(w http.ResponseWriter, r *http.Request) {
	_, report, ok := s.find(w, r)
	if !ok {
		return
	}
	cfg := s.sides(report)
	var kind, text string
	switch file := r.PathValue("file"); file {
	case "ladder.svg":
		kind, text = "image/svg+xml", Standalone(ladder.SVG(report, cfg, "ladder"))
	case "ladder.txt":
		kind, text = "text/plain; charset=utf-8", ladder.Render(report, cfg)
	case "ladder.mmd":
		kind, text = "text/plain; charset=utf-8", ladder.Mermaid(report, cfg)
	case "states.mmd":
		kind, text = "text/plain; charset=utf-8", ladder.StateDiagram(report)
	case "ladder.puml":
		kind, text = "text/plain; charset=utf-8", ladder.PlantUML(report, cfg)
	default:
		fail(w, http.StatusNotFound, "there are ladder.svg, ladder.txt, ladder.mmd, ladder.puml and states.mmd")
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", "connection-"+r.PathValue("id")+"-"+r.PathValue("file")))
	_, _ = io.WriteString(w, text) // to a reader that may be gone
}

// Standalone makes a picture of ladder.SVG one that needs no page: it carries its style.
func Standalone(svg string) string {
	head, rest, _ := strings.Cut(svg, ">")
	return head + "><style>" + ladder.Style + "</style>" + rest
}

// sessionCapture is the latest packets of all connections.
func (s *site) sessionCapture(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="session.pcapng"`)
	f, err := capture.NewWriter(w, capture.WriterConfig{Interfaces: []string{"lastack"}})
	if err != nil {
		return // a reader that is gone, as below
	}
	for _, p := range s.Board.Packets() {
		if f.Write(p) != nil {
			return
		}
	}
	_ = f.Close()
}
