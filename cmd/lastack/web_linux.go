package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"

	"lastack/harness/host/serve"
	"lastack/harness/host/web"

	"github.com/spf13/cobra"
)

const (
	defaultPage = "127.0.0.1:8077"
	// webTokenEnv is the page's token, for who starts hosts again and again; a random one
	// otherwise.
	webTokenEnv = "LASTACK_WEB_TOKEN"
	// labPageFile is the descriptor of the page's listener in the lab.
	labPageFile = 3
)

// webFlag gives a command --web, with or without an address.
func webFlag(c *cobra.Command, page *string) {
	c.Flags().StringVar(page, "web", "", "serve a page for a browser at `[ADDR]` (default "+defaultPage+")")
	c.Flags().Lookup("web").NoOptDefVal = defaultPage
}

// webAddr takes the address of "--web ADDR" from the arguments, which pflag leaves there,
// and returns the others. What stands behind "--" is a command.
func webAddr(c *cobra.Command, page *string, args []string) ([]string, error) {
	if c.Flags().Changed("web") && *page == defaultPage && len(args) > 0 && c.ArgsLenAtDash() != 0 {
		if _, _, err := net.SplitHostPort(args[0]); err == nil {
			*page, args = args[0], args[1:]
			if len(args) > 0 && args[0] == "--" {
				args = args[1:]
			}
		}
	}
	if *page == "" {
		if c.Flags().Changed("web") {
			return nil, usagef("--web: the address is empty; give one such as %s", defaultPage)
		}
		return args, nil
	}
	_, port, err := net.SplitHostPort(*page)
	if err != nil {
		return nil, usagef("--web %s: want an address and a port, such as %s", *page, defaultPage)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return nil, usagef("--web %s: %q is no port; give 1 to 65535, or 0 for any", *page, port)
	}
	if t := os.Getenv(webTokenEnv); t != "" && len(t) < web.MinToken {
		return nil, usagef("%s: a token has %d characters at least", webTokenEnv, web.MinToken)
	}
	return args, nil
}

// listenWeb opens the page's address.
func listenWeb(ctx context.Context, addr string) (*serve.Web, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("--web %s: %w; give another port, or 0 for any", addr, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, usagef("--web %s: no interface of this machine has the address; give 127.0.0.1 and a port", addr)
	case err != nil:
		return nil, fmt.Errorf("--web %s: %w", addr, err)
	}
	return newPage(l, addr), nil
}

func newPage(l net.Listener, addr string) *serve.Web {
	host, _, _ := net.SplitHostPort(addr) // webAddr has looked
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = ""
	}
	return &serve.Web{Listener: l, Host: host, Token: os.Getenv(webTokenEnv)}
}

// listenForLab opens the page's address outside the lab, as a file that the lab inherits.
func listenForLab(ctx context.Context, addr string) (*os.File, error) {
	page, err := listenWeb(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer page.Listener.Close()
	return page.Listener.(*net.TCPListener).File()
}

// inheritWeb is the page with that file's listener, and with lessons: a lab can run them.
func inheritWeb(addr string) (*serve.Web, error) {
	f := os.NewFile(labPageFile, "the page's listener")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("take over the page's listener: %w", err)
	}
	page := newPage(l, addr)
	page.Lessons, page.Run = lessons(), runLesson
	return page, nil
}
