package explain

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"lastack/harness/term"
)

// The ways in which the file of a part can be wrong.
var (
	ErrNoPartial = errors.New("this is no partial (lastack explain --partial OUT writes one)")
	ErrCut       = errors.New("the partial ends too early: it was not written to its end; make it again")
	ErrDamaged   = errors.New("the partial is damaged; make it again")
)

// partReader reads the lines of a part.
type partReader struct {
	r      *bufio.Reader
	sum    hash.Hash
	lines  int
	header header
	end    *endLine
}

// newPartReader reads the first line.
func newPartReader(r io.Reader) (*partReader, error) {
	b := bufio.NewReader(r)
	if magic, _ := b.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		gz, err := gzip.NewReader(b)
		if err != nil {
			return nil, ErrNoPartial
		}
		b = bufio.NewReader(gz)
	}
	p := &partReader{r: b, sum: sha256.New()}
	text, err := p.text()
	if err != nil {
		return nil, ErrNoPartial
	}
	// Another version may have keys that are not known here.
	var first struct {
		Header *struct {
			Lastack string `json:"lastack"`
			Version int    `json:"version"`
		} `json:"header"`
	}
	if json.Unmarshal(text, &first) != nil || first.Header == nil || first.Header.Lastack != partKind {
		return nil, ErrNoPartial
	}
	if v := first.Header.Version; v != partVersion {
		return nil, fmt.Errorf("the partial is of version %d, and this lastack reads version %d: make all of them, and merge them, with the same lastack", v, partVersion)
	}
	var l line
	if err := strict(text, &l); err != nil || l.Header == nil {
		return nil, fmt.Errorf("%w: its first line: %v", ErrDamaged, err)
	}
	p.header = *l.Header
	return p, p.header.check()
}

func (h *header) check() error {
	if len(h.Files) > maxFiles || len(h.Filter) > maxName {
		return fmt.Errorf("%w: it names %d files", ErrDamaged, len(h.Files))
	}
	for i := range h.Files {
		h.Files[i] = printable(h.Files[i])
	}
	if ours := thresholds(); !slices.Equal(h.Thresholds, ours) {
		return fmt.Errorf("the partial was counted by other thresholds than those of this lastack%s: make all of them, and merge them, with the same lastack", differing(h.Thresholds, ours))
	}
	return nil
}

// differing names the first threshold that is another.
func differing(theirs, ours []threshold) string {
	for i := range min(len(theirs), len(ours)) {
		if theirs[i] != ours[i] {
			return fmt.Sprintf(" (%s: %s there, %s here)", printable(theirs[i].What), printable(theirs[i].From), ours[i].From)
		}
	}
	return ""
}

// text is the next line as it is.
func (p *partReader) text() ([]byte, error) {
	var text []byte
	for {
		piece, err := p.r.ReadSlice('\n')
		text = append(text, piece...)
		switch {
		case len(text) > maxLine:
			return nil, fmt.Errorf("%w: line %d is too long", ErrDamaged, p.lines+2)
		case err == nil:
			return text, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return nil, ErrCut
		default:
			return nil, fmt.Errorf("%w: %v", ErrDamaged, err)
		}
	}
}

// next is the next line that counts, io.EOF after the last one, whose sum is right then.
func (p *partReader) next() (*line, error) {
	text, err := p.text()
	if err != nil {
		return nil, err
	}
	var l line
	if err := strict(text, &l); err != nil {
		return nil, fmt.Errorf("%w: line %d: %v", ErrDamaged, p.lines+2, err)
	}
	if l.End == nil {
		p.lines++
		p.sum.Write(text)
		return &l, nil
	}
	if sum := hex.EncodeToString(p.sum.Sum(nil)); l.End.Lines != p.lines || l.End.SHA256 != sum {
		return nil, fmt.Errorf("%w: its sum is not that of its lines", ErrDamaged)
	}
	p.end = l.End
	if n, err := p.r.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something comes after its end", ErrDamaged)
	}
	return nil, io.EOF
}

// strict reads one JSON document that has nothing unknown.
func strict(text []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something comes after the document")
	}
	return nil
}

// printable is a name from elsewhere that can be shown on a terminal.
func printable(s string) string {
	if len(s) > maxName {
		s = s[:maxName]
	}
	return term.Escape(s)
}
