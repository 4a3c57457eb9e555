package check

import (
	"embed"
	"fmt"
	"html/template"
	"io"

	"lastack/harness/teardown/ladder"
	"lastack/harness/teardown/page"
)

//go:embed checks.html page.css
var files embed.FS

// Page is what a page for a browser says beside the checks.
type Page struct {
	Title string
	// Facts are lines about what was checked and how, in pairs of name and value.
	Facts [][2]string
}

// HTML writes a page: a table of the checks, and the connections that show them.
func HTML(w io.Writer, p Page, checks []Check) error {
	return page.Execute(w, files, "checks.html", view{p, checks})
}

// view is what the template is given.
type view struct {
	Page
	Checks []Check
}

// Picture draws a leg; i and j make its identity on the page.
func (view) Picture(l Leg, i, j int) template.HTML {
	c := ladder.Config{Client: l.Client, Server: l.Server}
	return template.HTML(ladder.SVG(&l.Report, c, fmt.Sprintf("check_%d_%d", i, j)))
}

// Sum is the verdict of a leg in a line.
func (view) Sum(l Leg) string { return ladder.Verdict(&l.Report) }
