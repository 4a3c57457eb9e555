package explain

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"lastack/harness/capture"
)

// JSON writes one document as the connections come, so that a capture of any
// length takes no more memory than another:
//
//	{"connections": [...], "findings": [...], "groups": [...], "warnings": [...], ...}
//
// Begin with NewJSON, and end with Close.
type JSON struct {
	w   *bufio.Writer
	sep string
}

// NewJSON begins a document on w.
func NewJSON(w io.Writer) *JSON {
	j := &JSON{w: bufio.NewWriter(w), sep: "\n"}
	_, _ = j.w.WriteString(`{"connections": [`) // Close tells of errors
	return j
}

// Each writes one connection; it is for Options.Each.
func (j *JSON) Each(c *Connection) error {
	doc, err := json.Marshal(c)
	if err != nil {
		return err
	}
	_, _ = j.w.WriteString(j.sep)
	j.sep = ",\n"
	if _, err := j.w.Write(doc); err != nil {
		return fmt.Errorf("writing connection %d as JSON: %w", c.N, err)
	}
	return nil
}

// Flush writes out what is buffered, for who waits for it.
func (j *JSON) Flush() error { return j.w.Flush() }

// Close writes the rest of the document.
func (j *JSON) Close(s *Summary) error {
	c := *s
	if c.Warnings == nil {
		c.Warnings = []string{}
	}
	if c.Skipped == nil {
		c.Skipped = []capture.Kind{}
	}
	rest, err := json.Marshal(&c)
	if err != nil {
		return err
	}
	_, _ = j.w.WriteString("\n],\n")
	_, _ = j.w.Write(rest[1:]) // what follows its opening brace
	_ = j.w.WriteByte('\n')
	if err := j.w.Flush(); err != nil {
		return fmt.Errorf("writing the summary as JSON: %w", err)
	}
	return nil
}
