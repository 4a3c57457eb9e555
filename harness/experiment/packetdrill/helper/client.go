package helper

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"lastack/harness/experiment/packetdrill"
)

// Client is lastack's end of the protocol. One goroutine uses it.
type Client struct {
	to    io.Writer
	lines chan line
	err   error // of the end of lines; after that is closed
}

// line is one line that a helper wrote, and when.
type line struct {
	text []byte
	at   time.Time
}

// NewClient writes requests to one end and reads answers from the other until that ends.
// The caller closes both.
func NewClient(from io.Reader, to io.Writer) *Client {
	c := &Client{to: to, lines: make(chan line, 1)}
	go c.read(from)
	return c
}

func (c *Client) read(from io.Reader) {
	defer close(c.lines)
	s := bufio.NewScanner(from)
	s.Buffer(make([]byte, 4<<10), MaxResponse)
	for s.Scan() {
		if len(bytes.TrimSpace(s.Bytes())) > 0 {
			c.lines <- line{bytes.Clone(s.Bytes()), time.Now()}
		}
	}
	c.err = s.Err()
	if errors.Is(c.err, bufio.ErrTooLong) {
		c.err = fmt.Errorf("it wrote a line of more than %d bytes", MaxResponse)
	}
	// What comes behind such a line, nobody reads; a helper must not hang on it.
	_, _ = io.Copy(io.Discard, from)
}

// ErrEnded is what waiting for a helper ends with that writes no more.
var ErrEnded = errors.New("the helper has closed its standard output")

// next is the next line, or ErrQuiet if there is none after a time.
func (c *Client) next(ctx context.Context, wait time.Duration) (line, error) {
	select {
	case l, ok := <-c.lines:
		return c.live(l, ok)
	default:
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	select {
	case l, ok := <-c.lines:
		return c.live(l, ok)
	case <-over.C:
		return line{}, packetdrill.ErrQuiet
	case <-ctx.Done():
		return line{}, context.Cause(ctx)
	}
}

func (c *Client) live(l line, ok bool) (line, error) {
	switch {
	case ok:
		return l, nil
	case c.err != nil:
		return line{}, c.err
	}
	return line{}, ErrEnded
}

// Ready waits for the helper's first line, and returns its name.
func (c *Client) Ready(ctx context.Context, wait time.Duration) (string, error) {
	l, err := c.next(ctx, wait)
	if err != nil {
		return "", err
	}
	var r ready
	if err := decode(l.text, &r); err != nil {
		return "", err
	}
	if r.Ready == "" {
		return "", fmt.Errorf(`its first line is %s; want {"ready": "NAME"}`, show(l.text))
	}
	return r.Ready, nil
}

// Send asks for something. Its answer comes by Receive.
func (c *Client) Send(r *Request) error {
	packed := *r
	packed.Call = *pack(&r.Call)
	b, err := json.Marshal(&packed)
	if err != nil {
		return err
	}
	if len(b) >= MaxRequest {
		return fmt.Errorf("%s: the request has %d bytes; at most %d are sent", r.Name, len(b), MaxRequest)
	}
	_, err = c.to.Write(append(b, '\n'))
	return err
}

// Receive waits for an answer, and says when it came. It fails with packetdrill.ErrQuiet if
// there is none after a time; it may be asked again.
func (c *Client) Receive(ctx context.Context, wait time.Duration) (*Response, time.Time, error) {
	l, err := c.next(ctx, wait)
	if err != nil {
		return nil, time.Time{}, err
	}
	r, err := parse(l.text)
	return r, l.at, err
}

// parse reads an answer.
func parse(text []byte) (*Response, error) {
	r := &Response{}
	if err := decode(text, r); err != nil {
		return nil, err
	}
	if r.Return < 0 && r.Errno == "" {
		return nil, fmt.Errorf(`its answer %s has a negative "return" and no "errno"`, show(text))
	}
	return r, nil
}

func decode(text []byte, into any) error {
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("it wrote %s, which is no line of the protocol: %w", show(text), err)
	}
	return nil
}

// show is the beginning of a line, quoted.
func show(text []byte) string {
	const most = 80
	if len(text) > most {
		return fmt.Sprintf("%q...", text[:most])
	}
	return fmt.Sprintf("%q", text)
}
