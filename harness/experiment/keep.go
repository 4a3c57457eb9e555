package experiment

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"lastack/harness/capture"
	"lastack/harness/term/outfile"
)

// keep saves the packets of the last attempt and the result, if that is wanted.
func (c *Config) keep(r *Result, a *attempt) error {
	if c.Keep == "" {
		return nil
	}
	if err := os.MkdirAll(c.Keep, 0o755); err != nil {
		return fmt.Errorf("making the folder to keep captures in: %w", err)
	}
	base := filepath.Join(c.Keep, r.Experiment+"-"+r.Subject)
	if !a.exp.loaded() {
		r.Capture = base + ".pcap"
		if err := outfile.Write(r.Capture, func(w io.Writer) error { return writePackets(w, a.packets) }); err != nil {
			return fmt.Errorf("keeping the capture of %s: %w", r.Experiment, err)
		}
		if a.behind != nil {
			r.Behind.Capture = base + "-behind.pcap"
			if err := outfile.Write(r.Behind.Capture, func(w io.Writer) error { return writePackets(w, a.behind.packets) }); err != nil {
				return fmt.Errorf("keeping the capture of %s's server leg: %w", r.Experiment, err)
			}
		}
	}
	doc, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return outfile.Write(base+".json", func(w io.Writer) error {
		_, err := w.Write(append(doc, '\n'))
		return err
	})
}

func writePackets(f io.Writer, packets []capture.Packet) error {
	w, err := capture.NewPcapWriter(f)
	if err != nil {
		return err
	}
	for _, p := range packets {
		if err := w.Write(p); err != nil {
			return err
		}
	}
	return w.Close()
}
