package inprocess

import (
	"bytes"
	"time"

	"lastack/harness/experiment/packetdrill"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// maxRead bounds a buffer, as a script may name any size.
const maxRead = 64 << 20

func read(_ *Subject, k *socket, c *packetdrill.Call) func() *packetdrill.Result {
	return func() *packetdrill.Result {
		if c.Flags&msgErrQueue != 0 {
			return failed("EAGAIN")
		}
		if c.Count == 0 {
			return returned(0)
		}
		var got bytes.Buffer
		w := tcpip.LimitedWriter{W: &got, N: int64(min(c.Count, maxRead))}
		res, err := k.raw.Endpoint.Read(&w, tcpip.ReadOptions{Peek: c.Flags&msgPeek != 0})
		switch err.(type) {
		case nil:
			if c.Flags&msgPeek == 0 {
				k.raw.Endpoint.ModerateRecvBuf(res.Count)
			}
			r := returned(res.Count)
			r.Data = got.Bytes()
			return r
		case *tcpip.ErrWouldBlock:
			if k.waits(c.Flags) {
				return nil
			}
		case *tcpip.ErrClosedForReceive:
			return returned(0)
		}
		return outcome(err)
	}
}

func write(s *Subject, k *socket, c *packetdrill.Call) func() *packetdrill.Result {
	switch to := k.deferred; {
	case to != nil:
		k.deferred = nil
		return openFast(s, k, c, to)
	case c.Flags&msgFastOpen != 0:
		return openFast(s, k, c, c.Addr)
	}
	return plainWrite(k, c, 0)
}

// plainWrite writes all, behind what is written already.
func plainWrite(k *socket, c *packetdrill.Call, sent int) func() *packetdrill.Result {
	data := bytes.NewReader(c.Data)
	return func() *packetdrill.Result {
		for {
			n, err := k.raw.Write(data, tcpip.WriteOptions{More: c.Flags&msgMore != 0})
			sent += int(n)
			_, full := err.(*tcpip.ErrWouldBlock)
			switch {
			case err == nil && (data.Len() == 0 || n == 0):
				return returned(sent)
			case err == nil:
			case full && k.waits(c.Flags):
				return nil
			case sent > 0:
				return returned(sent)
			default:
				return outcome(err)
			}
		}
	}
}

// giveEarly gives netstack what a SYN carried, once it is connected.
func (s *Subject) giveEarly() (done bool) {
	for _, k := range s.sockets {
		if k.early == nil || k.connecting() {
			continue
		}
		if !k.over() {
			_, _ = k.raw.Write(bytes.NewReader(k.early), tcpip.WriteOptions{})
		}
		k.early, done = nil, true
	}
	return done
}

func shutdown(k *socket, c *packetdrill.Call) *packetdrill.Result {
	const readSide, writeSide, both = 0, 1, 2
	switch c.How {
	case readSide:
		return outcome(k.raw.Shutdown(tcpip.ShutdownRead))
	case writeSide:
		return outcome(k.raw.Shutdown(tcpip.ShutdownWrite))
	case both:
		return outcome(k.raw.Shutdown(tcpip.ShutdownRead | tcpip.ShutdownWrite))
	}
	return failed("EINVAL")
}

// closeSocket closes at once, except that SO_LINGER with a time waits for the peer to
// acknowledge everything, at most so long.
func closeSocket(s *Subject, k *socket, c *packetdrill.Call) func() *packetdrill.Result {
	begun := false
	var over func() bool
	return func() *packetdrill.Result {
		if !begun {
			begun = true
			delete(s.sockets, c.FD)
			linger := k.raw.Endpoint.SocketOptions().GetLinger()
			k.raw.Close()
			if !linger.Enabled || linger.Timeout <= 0 || k.nonblock || k.listens {
				return returned(0)
			}
			over = s.after(max(linger.Timeout, time.Nanosecond))
		}
		switch tcp.EndpointState(k.raw.Endpoint.State()) {
		case tcp.StateFinWait1, tcp.StateClosing, tcp.StateLastAck:
			if !over() {
				return nil
			}
		}
		return returned(0)
	}
}

func fcntl(k *socket, c *packetdrill.Call) *packetdrill.Result {
	switch c.Command {
	case getFL:
		if k.nonblock {
			return returned(readWrite | nonblock)
		}
		return returned(readWrite)
	case setFL:
		k.nonblock = c.Argument&nonblock != 0
		return returned(0)
	}
	return failed("EINVAL")
}

func ioctl(k *socket, c *packetdrill.Call) *packetdrill.Result {
	if c.Command != siocInQ {
		return failed("EINVAL")
	}
	n, err := k.raw.Endpoint.GetSockOptInt(tcpip.ReceiveQueueSizeOption)
	if err != nil {
		return outcome(err)
	}
	r := returned(0)
	r.Value = packetdrill.Int(int64(n))
	return r
}
