package experiment

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The words behind a verb of crafted segments.

func (c *Craft) connecting(words []string) error {
	return c.pairs(words, "from", "isn", "ts", "gets")
}

func (c *Craft) injecting(words []string) error {
	if err := c.flags(words); err != nil {
		return err
	}
	return c.pairs(words[1:], "seq", "ack", "ts", "data", "gets")
}

func (c *Craft) awaiting(words []string) error {
	if err := c.flags(words); err != nil {
		return err
	}
	return c.nothing(words[1:])
}

// flags takes the first word.
func (c *Craft) flags(words []string) error {
	if len(words) == 0 {
		return errors.New("the flags are missing")
	}
	flags, ok := craftFlags[words[0]]
	if !ok {
		return fmt.Errorf("no flags %s; %s", quote(words[0]), suggest(words[0], craftFlagNames()))
	}
	c.Flags = flags
	return nil
}

// pairs takes names with their values, each of which may stand there once.
func (c *Craft) pairs(words []string, valid ...string) error {
	for ; len(words) > 0; words = words[2:] {
		name := words[0]
		i := slices.Index(valid, name)
		if i < 0 {
			return fmt.Errorf("%s is not understood; %s", quote(name), suggest(name, valid))
		}
		valid = slices.Delete(slices.Clone(valid), i, i+1)
		if len(words) < 2 {
			return fmt.Errorf("%s is without a value", quote(name))
		}
		if err := c.word(name, words[1]); err != nil {
			return err
		}
	}
	return nil
}

func (c *Craft) word(name, value string) (err error) {
	switch name {
	case "from":
		n, bad := strconv.ParseUint(value, 10, 16)
		if bad != nil || n == 0 {
			return fmt.Errorf("%s is not a local port", quote(value))
		}
		c.Port = uint16(n)
	case "isn", "seq":
		c.Seq, err = bend(value)
	case "ack":
		c.Ack, err = bend(value)
	case "ts":
		if c.Plain = value == "none"; !c.Plain {
			c.TS, err = bend(value)
		}
	case "data":
		err = c.sending([]string{value})
	case "gets":
		if !slices.Contains(answers, value) {
			return fmt.Errorf("no answer is %s; %s", quote(value), suggest(value, answers))
		}
		c.Gets = value
	}
	return err
}

// bend reads a number, which is relative if it has a sign.
func bend(value string) (bent, error) {
	if strings.HasPrefix(value, "+") || strings.HasPrefix(value, "-") {
		n, err := strconv.ParseInt(value, 10, 32)
		if err != nil {
			return bent{}, fmt.Errorf("%s is not a number of 32 bits", quote(value))
		}
		return bent{given: true, by: n}, nil
	}
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return bent{}, fmt.Errorf("%s is not a number of 32 bits, such as +1, -9000 or 70000", quote(value))
	}
	return bent{given: true, to: uint32(n), fixed: true}, nil
}

func (c *Craft) sending(words []string) error {
	var s Step
	if err := s.data(strings.Join(words, " ")); err != nil {
		return err
	}
	if c.Data = s.Data; len(c.Data) > mostCrafted {
		return fmt.Errorf("%d bytes do not fit one segment; send at most %d", len(c.Data), mostCrafted)
	}
	return nil
}

func (c *Craft) reading(words []string) (err error) {
	value := strings.Join(words, " ")
	if strings.HasPrefix(value, `"`) {
		var s Step
		err = s.data(value)
		c.Text, c.N = s.Data, len(s.Data)
		return err
	}
	c.N, err = amount(value)
	return err
}

func (c *Craft) pause(words []string) error {
	var s Step
	err := s.pause(strings.Join(words, " "))
	c.Wait = s.Wait
	return err
}

func (c *Craft) nothing(words []string) error {
	return (*Step)(nil).nothing(strings.Join(words, " "))
}
