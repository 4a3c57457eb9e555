package web

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"

	"lastack/harness/teardown"
	"lastack/harness/teardown/ladder"
	"lastack/harness/teardown/page"
)

//go:embed session.html
var pages embed.FS

// maxDrawn is how many connections the page of a session draws, the latest ones.
const maxDrawn = 100

// sessionPage is a page that needs neither host nor script: what the live one showed last.
func (s *site) sessionPage(w http.ResponseWriter, r *http.Request) {
	reports, closes := s.Board.Finished(maxDrawn)
	p := &session{Title: "A session", Closes: closes, Drawn: []drawn{}, Tally: map[teardown.Kind]int{}}
	for i := len(reports) - 1; i >= 0; i-- {
		rep := &reports[i]
		p.Tally[rep.Close]++
		p.Drawn = append(p.Drawn, drawn{
			Picture: template.HTML(ladder.SVG(rep, s.sides(rep), fmt.Sprintf("c%d", i))), Verdict: ladder.Verdict(rep), Report: rep,
		})
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if r.URL.Query().Has("download") {
		w.Header().Set("Content-Disposition", `attachment; filename="session.html"`)
	}
	// An error is that of a reader that is gone: TestSession has the template's.
	_ = page.Execute(w, fs.FS(pages), "session.html", p)
}

// session is what the template is given.
type session struct {
	Title  string
	Closes int
	Drawn  []drawn
	Tally  map[teardown.Kind]int
}

// drawn is a connection in it.
type drawn struct {
	Picture template.HTML
	Verdict string
	Report  *teardown.Report
}
