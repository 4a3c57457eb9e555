package explain

import (
	"errors"
	"io"

	"lastack/harness/capture"
)

// ReadAll adds every packet of a source. Where the source fails, what was read
// before stands, and the error is the source's; that a file ends in the middle of
// a packet, as one that is still being written does, is no error. Both make a
// warning. An error of Options.Each ends reading; Summary returns it.
func (a *Analysis) ReadAll(s capture.Source) error {
	for {
		p, err := s.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF) && a.sum.Packets > 0:
			a.sum.Warn("%v; the verdicts are about what is before", err)
			return nil
		case err != nil:
			a.sum.Warn("%v; the verdicts are about what is before", err)
			return err
		}
		if a.Add(&p) != nil {
			return nil
		}
	}
}
