package experiment

import "time"

// kinds is how many kinds of client the file describes; one is right.
func (c *Client) kinds() (n int) {
	for _, there := range []bool{len(c.Command) > 0, len(c.Steps) > 0, len(c.Crafted) > 0} {
		if there {
			n++
		}
	}
	return n
}

// connects is how many connections the client makes each time, as far as the
// file tells.
func (c *Client) connects() (n int) {
	for _, s := range c.Steps {
		if s.Verb == "connect" && s.Fails == 0 {
			n++
		}
	}
	for _, s := range c.Crafted {
		if s.Verb == "connect" && (s.Gets == "" || s.Gets == "SYN+ACK") {
			n++
		}
	}
	return n
}

// waits are the times that the client waits on purpose.
func (c *Client) waits() (all []time.Duration) {
	for _, s := range c.Steps {
		all = append(all, s.Wait)
	}
	for _, s := range c.Crafted {
		all = append(all, s.Wait)
	}
	return all
}

// validateCrafted is about a client that has no socket.
func (d *decoder) validateCrafted(e *Experiment) {
	c, line := &e.Client, d.lines["client.crafted"]
	switch {
	case e.Subject == "client":
		d.fail(line, "crafted segments cannot be the subject, because they have no socket; leave subject out, or give steps")
	case c.Crafted[0].Verb != "connect":
		d.fail(line, "the first step is %q; a client begins with connect", c.Crafted[0])
	case e.Expect.States.Client != "CLOSED":
		d.fail(d.lines["expect.states.client"], "a client of crafted segments has no socket; its state is CLOSED")
	}
}
