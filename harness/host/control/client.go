package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lastack/harness/host/setting"
	"lastack/stack/tunable"

	"golang.org/x/sys/unix"
)

const (
	// answerTimeout bounds one request where the context does not.
	answerTimeout = 5 * time.Second
	// maxAnswer is the longest answer read, in bytes. The tunables are some 12 KiB.
	maxAnswer = 4 << 20
)

// Client talks to a host over its control socket. Every call is a connection of
// its own, so there is nothing to close, and a host that was started again is
// found again. Calls may run at once. A call takes at most 5 seconds, less if
// its context ends.
type Client struct {
	path string
	http *http.Client
	// unbounded has no limit to how long an answer takes once it has begun.
	unbounded *http.Client
}

// Error is a refusal by the host. Message is its sentence, which for a tunable
// names the tunable and says what would have been taken.
type Error struct {
	// Status is HTTP's: 404 for an unknown tunable, 422 for a bad value.
	Status  int
	Message string
}

func (e *Error) Error() string { return e.Message }

// NewClient makes a client for the socket at path. Nothing is opened yet: a host
// that is not there shows at the first call.
func NewClient(path string) *Client {
	var d net.Dialer
	c := &http.Client{
		Timeout: answerTimeout,
		Transport: &http.Transport{
			DisableKeepAlives:     true,
			ResponseHeaderTimeout: answerTimeout,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return d.DialContext(ctx, "unix", path)
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	unbounded := *c
	unbounded.Timeout = 0
	return &Client{path: path, http: c, unbounded: &unbounded}
}

// Tunables lists the host's tunables in its order.
func (c *Client) Tunables(ctx context.Context) ([]Tunable, error) {
	var all []Tunable
	err := c.call(ctx, http.MethodGet, "/v1/tunables", "", &all)
	return all, err
}

// Tunable reads one tunable. If the host knows none of that name, the error is an *Error.
func (c *Client) Tunable(ctx context.Context, name string) (Tunable, error) {
	return c.tunable(ctx, http.MethodGet, name, "")
}

// Set gives a tunable a value, written as on a command line, and returns the new
// state. If the host refuses, nothing has changed and the error is an *Error.
func (c *Client) Set(ctx context.Context, name, value string) (Tunable, error) {
	return c.tunable(ctx, http.MethodPut, name, value)
}

func (c *Client) tunable(ctx context.Context, method, name, body string) (Tunable, error) {
	var t Tunable
	if strings.Trim(name, "./") == "" {
		// A path of such a name leads somewhere else.
		_, err := tunable.Find(name)
		return t, &Error{Status: http.StatusNotFound, Message: setting.Suggest(err).Error()}
	}
	err := c.call(ctx, method, "/v1/tunables/"+url.PathEscape(name), body, &t)
	return t, err
}

// SetAll gives several tunables values, or none of them if the host refuses one;
// the error is an *Error then. It returns the new states, in the order of settings.
func (c *Client) SetAll(ctx context.Context, settings []tunable.Setting) ([]Tunable, error) {
	var lines strings.Builder
	for _, g := range settings {
		if strings.ContainsAny(g.Name, "=\n") || strings.Contains(g.Value, "\n") {
			return nil, fmt.Errorf("control: tunable %q: the value %q cannot be sent: a line NAME=VALUE would read otherwise", g.Name, g.Value)
		}
		fmt.Fprintf(&lines, "%s=%s\n", g.Name, g.Value)
	}
	var states []Tunable
	err := c.call(ctx, http.MethodPut, "/v1/tunables", lines.String(), &states)
	return states, err
}

// Host asks the host about itself.
func (c *Client) Host(ctx context.Context) (HostInfo, error) {
	var h HostInfo
	err := c.call(ctx, http.MethodGet, "/v1/host", "", &h)
	return h, err
}

// call sends one request and decodes the answer into what result points to.
func (c *Client) call(ctx context.Context, method, path, body string, result any) error {
	resp, err := c.do(ctx, c.http, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return c.explain(err)
	}
	if err := json.Unmarshal(answer, result); err != nil {
		return fmt.Errorf("control: %s %s: what answers on %q is no lastack host of this version: %w", method, path, c.path, err)
	}
	return nil
}

// do sends one request. A refusal is an *Error; otherwise the caller reads and
// closes the body.
func (c *Client) do(ctx context.Context, with *http.Client, method, path, body string) (*http.Response, error) {
	if err := checkPath(c.path); err != nil {
		return nil, fmt.Errorf("control: connect to %q: %w", c.path, err)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://host"+path, strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("control: %s %s: %w", method, path, err)
	}
	resp, err := with.Do(req)
	if err != nil {
		return nil, c.explain(err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, c.explain(err)
	}
	var f failure
	if json.Unmarshal(answer, &f) != nil || f.Error == "" {
		f.Error = fmt.Sprintf("control: %s %s on %q: answered %s", method, path, c.path, resp.Status)
	}
	return nil, &Error{Status: resp.StatusCode, Message: f.Error}
}

// explain says what to do when there was no answer. The *url.Error around the cause
// names a URL that the user never wrote.
func (c *Client) explain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	hint := ""
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ECONNREFUSED):
		hint = "; no host is running there, start one with: lastack serve --control " + c.path
	case errors.Is(err, fs.ErrPermission):
		hint = "; the socket belongs to whoever started the host: be that user, or root"
	}
	return fmt.Errorf("control: ask the host at %q: %w%s", c.path, err, hint)
}
