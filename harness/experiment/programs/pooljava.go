package programs

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// javaPools is a Java program with any number of pools.
type javaPools struct {
	*process
	last atomic.Int64 // pool's number
}

// startPools starts it. Its java.net.http.HttpClient keeps connections for that long, its
// HttpURLConnection for 5 s as always.
func startPools(ctx context.Context, in doer, keep time.Duration) (*javaPools, error) {
	if err := need(httpJars); err != nil {
		return nil, err
	}
	seconds := fmt.Sprintf("-Djdk.httpclient.keepalive.timeout=%d", int(keep.Seconds()))
	p, err := start(ctx, in, "Pool.java", javaArgs(httpJars, seconds, "{SOURCE}")...)
	if err != nil {
		return nil, err
	}
	return &javaPools{process: p}, nil
}

func (j *javaPools) kinds() []kind {
	const urlKeeps = 5 * time.Second
	return []kind{
		{name: "Apache HttpClient", make: j.kind("apache")},
		{name: "Apache HttpClient", figures: true, make: j.kind("apache"), idle: true},
		{name: "HttpURLConnection", make: j.kind("url"), own: urlKeeps, idle: true},
		{name: "java.net.http", make: j.kind("http"), idle: true},
	}
}

func (j *javaPools) kind(name string) func(context.Context, settings) (pool, error) {
	return func(ctx context.Context, s settings) (pool, error) {
		p := &javaPool{j, j.last.Add(1)}
		_, err := j.ask(ctx, "new %d %s %s %d %d %d", p.id, name, s.url, s.route, s.total, s.keep.Milliseconds())
		return p, err
	}
}

// javaPool is one of them.
type javaPool struct {
	in *javaPools
	id int64
}

func (p *javaPool) load(ctx context.Context, n int, d time.Duration) (requests, failed int, err error) {
	answer, err := p.in.ask(ctx, "load %d %d %d", p.id, n, d.Milliseconds())
	if err != nil {
		return 0, 0, err
	}
	if _, err := fmt.Sscan(answer, &requests, &failed); err != nil {
		return 0, 0, fmt.Errorf("the pool answered %q, not two numbers: %w", answer, err)
	}
	return requests, failed, nil
}
