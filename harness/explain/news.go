package explain

import (
	"fmt"
	"io"
)

// News picks from the findings of a capture under way what is worth saying again: a finding
// that is new, or that twice as many connections show as when it was said last. The zero
// value has said nothing.
type News struct{ said map[newsKey]int }

type newsKey struct {
	kind FindingKind
	host string
}

// maxNews bounds the findings that are remembered; past it nothing more is news.
const maxNews = 4096

// Of returns those of the findings that are news, which it takes for said.
func (n *News) Of(all []Finding) (fresh []Finding) {
	if n.said == nil {
		n.said = map[newsKey]int{}
	}
	for _, f := range all {
		k := newsKey{f.Kind, f.Host}
		before, known := n.said[k]
		if known && f.Connections < 2*before || !known && len(n.said) >= maxNews {
			continue
		}
		n.said[k] = f.Connections
		fresh = append(fresh, f)
	}
	return fresh
}

// WriteNews prints findings for people, between the lines of connections. No line is wider
// than 80 columns.
func WriteNews(w io.Writer, fresh []Finding) error {
	t := &text{}
	for i := range fresh {
		t.paragraph("  !  ", fmt.Sprintf("%s (connection %d)", fresh[i].Text, fresh[i].Example))
	}
	_, err := io.WriteString(w, t.b.String())
	return err
}
