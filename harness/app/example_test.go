package app_test

import (
	"context"
	"fmt"
	"io"
	"net"

	"lastack/harness/app"
)

// A client closes its half first, and reads what half-closer has to say after.
func ExampleApp_Serve() {
	a, err := app.New(app.Spec{Kind: "half-closer", Options: map[string]string{"bytes": "37"}}, app.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	served := make(chan error, 1)
	go func() { served <- a.Serve(ctx, ln) }()

	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	err = c.(*net.TCPConn).CloseWrite()
	after, readErr := io.ReadAll(c)
	fmt.Printf("%s %v %v %v\n", after, err, readErr, c.Close())

	stop()
	fmt.Println(<-served, a.Stats().Accepted)
	// Output:
	// 0000000000 abcdefghijklmnopqrstuvwxyz <nil> <nil> <nil>
	// <nil> 1
}

func ExampleParseSpec() {
	spec, err := app.ParseSpec("8002=slow-closer,delay=300")
	fmt.Println(spec.Port, spec.Kind, spec.Options["delay"], err)

	_, err = app.ParseSpec("8002=slow-closer,dealy=300")
	fmt.Println(err)
	// Output:
	// 8002 slow-closer 300 <nil>
	// app "8002=slow-closer,dealy=300": option "dealy" does not exist; did you mean "delay"? (options of slow-closer: delay)
}
