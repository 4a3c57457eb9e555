package control

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"lastack/harness/lab/sockstat"
)

// Sockets calls f for each of the host's sockets, in the given state if it is not "",
// until f returns an error, which it passes on. The list is read as it comes: neither
// side ever holds all of it. It ends with ctx, and is not bound to the 5 seconds of other
// calls. f owns its argument until it returns.
func (c *Client) Sockets(ctx context.Context, state string, f func(*sockstat.Socket) error) error {
	path := "/v1/sockets"
	if state != "" {
		path += "?state=" + url.QueryEscape(state)
	}
	resp, err := c.do(ctx, c.unbounded, http.MethodGet, path, "")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	dec := json.NewDecoder(resp.Body)
	if _, err := dec.Token(); err != nil { // the array's bracket
		return fmt.Errorf("control: listing the sockets of %q: %w", c.path, err)
	}
	for dec.More() {
		var s sockstat.Socket
		if err := dec.Decode(&s); err != nil {
			return fmt.Errorf("control: listing the sockets of %q: the list breaks off: %w", c.path, err)
		}
		if err := f(&s); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("control: listing the sockets of %q: the list breaks off: %w", c.path, err)
	}
	return nil
}

// Summary counts the host's sockets.
func (c *Client) Summary(ctx context.Context) (sockstat.Summary, error) {
	var s sockstat.Summary
	err := c.call(ctx, http.MethodGet, "/v1/sockets/summary", "", &s)
	return s, err
}

// Destinations are the n toward which the host's connections take the most ports.
func (c *Client) Destinations(ctx context.Context, n int) ([]sockstat.Destination, error) {
	var d []sockstat.Destination
	err := c.call(ctx, http.MethodGet, "/v1/sockets/destinations?n="+strconv.Itoa(n), "", &d)
	return d, err
}
