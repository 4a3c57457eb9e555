package packetdrill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lastack/harness/experiment/packetdrill/script"
)

// maxFiles is how many scripts Files finds at most.
const maxFiles = 100_000

// Files returns the scripts that the arguments name: files as they are, and those below a
// directory whose name ends in ".pkt", in the order of their names. It follows no symbolic
// link below a directory.
func Files(args []string) ([]string, error) { return files(args, maxFiles) }

func files(args []string, most int) ([]string, error) {
	var all []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			all = append(all, arg)
			continue
		}
		before := len(all)
		err = filepath.WalkDir(arg, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && strings.HasSuffix(path, ".pkt") {
				all = append(all, path)
			}
			if len(all) > most {
				return fmt.Errorf("%s: more than %d scripts; name a directory below it", arg, most)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(all) == before {
			return nil, fmt.Errorf("%s: no file in it ends in .pkt", arg)
		}
	}
	return all, nil
}

// Load reads and parses a script. An error about what is in it is a *script.Error. It returns
// early, with ctx's error, when ctx ends: a named pipe may never have a writer.
func Load(ctx context.Context, file string, c script.Config) (*script.Script, error) {
	type loaded struct {
		script *script.Script
		err    error
	}
	done := make(chan loaded, 1)
	go func() {
		s, err := load(file, c)
		done <- loaded{s, err}
	}()
	select {
	case l := <-done:
		return l.script, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func load(file string, c script.Config) (*script.Script, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	// One byte more than Parse takes, for Parse to refuse it.
	text, err := io.ReadAll(io.LimitReader(f, script.MaxScript+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("reading a script: %w", err)
	}
	return script.Parse(file, text, c)
}
