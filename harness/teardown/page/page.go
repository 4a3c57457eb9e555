// Package page is what all pages for a browser have in common: their style, and the
// templates "head", "badge" and "legend".
//
// A page is one file that needs no network and no script, follows the reader's preference
// for dark or light, and unfolds itself on paper. A template's arguments are escaped.
package page

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"strings"

	"lastack/harness/teardown/ladder"
)

//go:embed parts.html page.css
var parts embed.FS

// Execute writes a page by a template among the *.html of files, whose page.css, if there
// is one, comes after the style of all pages.
func Execute(w io.Writer, files fs.FS, name string, data any) error {
	t := template.New("").Funcs(template.FuncMap{
		"states": ladder.States, "class": class,
		"style": func() (template.CSS, error) { return style(files) },
	})
	for _, from := range []fs.FS{parts, files} {
		if _, err := t.ParseFS(from, "*.html"); err != nil {
			return fmt.Errorf("reading the templates of the page: %w", err)
		}
	}
	if err := t.ExecuteTemplate(w, name, data); err != nil {
		return fmt.Errorf("making the page: %w", err)
	}
	return nil
}

// style is the pages' and their pictures', and what a page adds.
func style(files fs.FS) (template.CSS, error) {
	css, err := parts.ReadFile("page.css")
	if err != nil {
		return "", err
	}
	own, err := fs.ReadFile(files, "page.css")
	if err != nil {
		own = nil // it has none
	}
	return template.CSS(ladder.Style + string(css) + string(own)), nil
}

// class is the CSS class of a verdict.
func class(verdict any) string { return strings.ReplaceAll(fmt.Sprint(verdict), " ", "-") }
