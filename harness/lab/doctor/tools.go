package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lastack/harness/lab"
)

// tools are the programs that are started as they are, and what is asked outside of a lab.
// tcpdump is not among them: whether it works depends on the namespace, see trials.
func tools() []trial {
	return []trial{
		{"curl", true, "the HTTP client of demo and of experiments", curl},
		{"netcat", true, "the client that closes one half of a connection (nc -N)", netcat},
		{"kernel reasons", false, "explain -i, monitor --capture: why the kernel sent a RST, for which process", kernelReasons},
	}
}

// curl has it run, which a broken installation would not.
func curl(ctx context.Context) finding {
	out, err := lab.Command(ctx, "curl", "--version").Output()
	if err != nil {
		var missing *lab.MissingError
		if errors.As(err, &missing) {
			return labFinding(err)
		}
		return fails(fmt.Sprintf("curl --version: %v", err), "sudo apt-get install --reinstall curl")
	}
	// "curl 8.5.0 (x86_64-pc-linux-gnu) libcurl/8.5.0 ..."
	name, _, _ := strings.Cut(string(out), " (")
	return works("%s", name)
}

func netcat(context.Context) finding {
	path, err := lab.Netcat()
	if err != nil {
		return labFinding(err)
	}
	return works("%s is OpenBSD's", path)
}
