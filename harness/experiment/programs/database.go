package programs

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"time"

	"lastack/harness/lab"
)

// The database's limits, short ones. Its wait_timeout is 8 hours by default.
const (
	database     = "mariadbd"
	databasePort = 3306
	waitTimeout  = 2 * time.Second
)

// sessions are what is tried, for both ways in which the server ends a session: how the
// transaction ends with a pool that never looks, and how the pool looks after a commit.
var sessions = []Session{
	{Ended: "wait_timeout", Check: "none", End: "leak"}, {Ended: "wait_timeout", Check: "none", End: "return"},
	{Ended: "wait_timeout", Check: "none", End: "rollback"}, {Ended: "wait_timeout", Check: "none", End: "commit"},
	{Ended: "wait_timeout", Check: "borrow", End: "commit"}, {Ended: "wait_timeout", Check: "idle", End: "commit"},
	{Ended: "KILL", Check: "none", End: "leak"}, {Ended: "KILL", Check: "none", End: "return"},
	{Ended: "KILL", Check: "none", End: "rollback"}, {Ended: "KILL", Check: "none", End: "commit"},
	{Ended: "KILL", Check: "borrow", End: "commit"},
}

// tryDatabase tries a pool against MariaDB.
func tryDatabase(ctx context.Context, r *Result) (err error) {
	ns, err := lab.NewNamespace()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ns.Close()) }()
	for _, err := range []error{need(databaseJars), lab.Command(ctx, database).Err} {
		if err != nil {
			r.Skipped = append(r.Skipped, err.Error())
		}
	}
	if r.Skipped != nil {
		return nil
	}
	return withDatabase(ctx, ns, func() error { return trySessions(ctx, ns, r) })
}

// withDatabase calls f while MariaDB runs, on data of its own that end with it.
func withDatabase(ctx context.Context, ns *lab.Namespace, f func() error) (err error) {
	dir, err := os.MkdirTemp("", "lastack-mariadb-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var said beginning
	// Without grant tables it needs no set-up, and takes every user.
	cmd := lab.Command(ctx, database, "--no-defaults", "--user=root", "--datadir="+dir, "--socket="+dir+"/s", "--pid-file="+dir+"/pid",
		"--bind-address=127.0.0.1", "--port="+strconv.Itoa(databasePort), "--skip-grant-tables", "--skip-name-resolve", "--skip-log-bin",
		fmt.Sprintf("--wait-timeout=%d", int(waitTimeout.Seconds())), "--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M",
		"--innodb-flush-log-at-trx-commit=0")
	cmd.Stderr = &said
	if err := ns.Do(cmd.Start); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	defer func() { stop(); <-ended }()
	if err := listens(ctx, ns, ended); err != nil {
		return fmt.Errorf("MariaDB does not listen: %w: %s", err, said.String())
	}
	return f()
}

// listens waits until the database takes connections.
func listens(ctx context.Context, ns *lab.Namespace, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		c, err := dial(ns, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), databasePort))
		if err == nil {
			return c.Close()
		}
		select {
		case <-ended:
			return errors.New("it has ended")
		default:
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// trySessions makes every pool do its transaction, waits until wait_timeout is over for
// all, and uses the pools once more.
func trySessions(ctx context.Context, ns *lab.Namespace, r *Result) (err error) {
	url := fmt.Sprintf("jdbc:mariadb://127.0.0.1:%d/lab?createDatabaseIfNotExist=true", databasePort)
	p, err := start(ctx, ns, "Database.java", javaArgs(databaseJars, "{SOURCE}", url)...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	all, ports := append([]Session{}, sessions...), make([]uint16, len(sessions))
	for i := range all {
		if ports[i], err = all[i].begin(ctx, ns, p, ports[:i]); err != nil {
			return err
		}
	}
	if err := disturb(ctx, p, all); err != nil {
		return err
	}
	if err := pause(ctx, waitTimeout+margin); err != nil {
		return err
	}
	err = look(ns, ports, func(i int, client, server string) { all[i].Pool, all[i].Server = client, server })
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].Again, err = p.ask(ctx, "again %s", all[i].id()); err != nil {
			return err
		}
	}
	if _, err := p.ask(ctx, "gc"); err != nil {
		return err
	}
	if err := look(ns, ports, func(i int, client, _ string) { all[i].After = client }); err != nil {
		return err
	}
	r.Sessions = all
	return nil
}

func (s *Session) id() string { return s.Ended + "-" + s.Check + "-" + s.End }

// begin makes the pool and does its transaction. It returns the port of its connection,
// which is the one that was not known before.
func (s *Session) begin(ctx context.Context, ns *lab.Namespace, p *process, known []uint16) (uint16, error) {
	if _, err := p.ask(ctx, "new %s %s", s.id(), s.Check); err != nil {
		return 0, err
	}
	sockets, err := socketsIn(ns)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(sockets, func(s lab.Socket) bool {
		return s.State == "ESTABLISHED" && s.Remote.Port() == databasePort && !slices.Contains(known, s.Local.Port())
	})
	if i < 0 {
		return 0, fmt.Errorf("the pool %s made no connection", s.id())
	}
	_, err = p.ask(ctx, "do %s %s", s.id(), s.End)
	return sockets[i].Local.Port(), err
}

// disturb ends the sessions that are to be killed, and measures how long another session
// waits for each row. The leaks come last, since such a wait takes until wait_timeout.
func disturb(ctx context.Context, p *process, all []Session) error {
	for _, leaked := range []bool{false, true} {
		for i := range all {
			s := &all[i]
			if (s.End == "leak") != leaked {
				continue
			}
			if s.Ended == "KILL" {
				if _, err := p.ask(ctx, "kill %s", s.id()); err != nil {
					return err
				}
			}
			answer, err := p.ask(ctx, "lock %s", s.id())
			if err != nil {
				return err
			}
			if s.LockMS, err = strconv.ParseInt(answer, 10, 64); err != nil {
				return fmt.Errorf("the pool answered %q, not a number of ms: %w", answer, err)
			}
		}
	}
	return nil
}

// look tells the states of both ends of each connection, CLOSED for a socket that is gone.
func look(ns *lab.Namespace, ports []uint16, tell func(i int, client, server string)) error {
	sockets, err := socketsIn(ns)
	if err != nil {
		return err
	}
	for i, port := range ports {
		client, server := "CLOSED", "CLOSED"
		for _, s := range sockets {
			switch {
			case s.Local.Port() == port && s.Remote.Port() == databasePort:
				client = s.State
			case s.Local.Port() == databasePort && s.Remote.Port() == port:
				server = s.State
			}
		}
		tell(i, client, server)
	}
	return nil
}
