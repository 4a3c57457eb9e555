package inprocess

import (
	"fmt"
	"net/netip"
	"time"

	"lastack/harness/experiment/packetdrill"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// missing are options that change what goes over the wire and that netstack does not have.
var missing = map[int]string{
	tcpMD5Sig: "TCP_MD5SIG (RFC 2385)", tcpMD5SigExt: "TCP_MD5SIG_EXT (RFC 2385)", tcpRepair: "TCP_REPAIR", tcpULP: "TCP_ULP",
	tcpAOAddKey: "TCP_AO_ADD_KEY (RFC 5925)", tcpAODelKey: "TCP_AO_DEL_KEY (RFC 5925)", tcpAOInfo: "TCP_AO_INFO (RFC 5925)",
}

// mayHave refuses the options that are missing: to pass over them would be a verdict on another
// script.
func (s *Subject) mayHave(c *packetdrill.Call) error {
	if name := missing[c.Option]; name != "" && c.Level == solTCP && (c.Name == "setsockopt" || c.Name == "getsockopt") {
		return fmt.Errorf("%s does not have %s: %w", s.Name(), name, packetdrill.ErrUnsupported)
	}
	return nil
}

func setOption(k *socket, c *packetdrill.Call) *packetdrill.Result {
	n := 0
	if c.Value != nil && c.Value.Int != nil {
		n = int(*c.Value.Int)
	}
	switch c.Level {
	case solSocket:
		return setSocket(k, c, n)
	case solTCP:
		return setTCP(k, c, n)
	case solIPv6:
		if c.Option == ipv6V6Only {
			k.raw.Endpoint.SocketOptions().SetV6Only(n != 0)
		}
	case solIP:
		switch c.Option {
		case ipTTL:
			return outcome(k.raw.Endpoint.SetSockOptInt(tcpip.IPv4TTLOption, n))
		case ipTOS:
			return outcome(k.raw.Endpoint.SetSockOptInt(tcpip.IPv4TOSOption, n))
		}
	}
	return returned(0)
}

// smallest buffers, as Linux has them.
const minReceive, minSend = 2304, 4608

func setSocket(k *socket, c *packetdrill.Call, n int) *packetdrill.Result {
	o := k.raw.Endpoint.SocketOptions()
	switch c.Option {
	case soReuseAddr:
		o.SetReuseAddress(n != 0)
	case soReusePort:
		o.SetReusePort(n != 0)
	case soKeepAlive:
		o.SetKeepAlive(n != 0)
	case soRcvBuf, soRcvBufForce: // Linux doubles what is asked for, for its own use
		o.SetReceiveBufferSize(int64(max(n*2, minReceive)), true)
	case soSndBuf, soSndBufForce:
		o.SetSendBufferSize(int64(max(n*2, minSend)), true)
	case soLinger:
		if c.Value == nil || c.Value.Linger == nil {
			return failed("EINVAL")
		}
		l := c.Value.Linger
		o.SetLinger(tcpip.LingerOption{Enabled: l.On != 0, Timeout: time.Duration(l.Seconds) * time.Second})
	}
	return returned(0)
}

// anywhere is an address that the host has a route to.
var anywhere = netip.MustParseAddrPort("192.0.2.1:1")

func setTCP(k *socket, c *packetdrill.Call, n int) *packetdrill.Result {
	ep := k.raw.Endpoint
	seconds := time.Duration(n) * time.Second
	switch c.Option {
	case tcpNoDelay:
		ep.SocketOptions().SetDelayOption(n == 0)
		if n != 0 {
			k.raw.Push()
		}
	case tcpCork:
		ep.SocketOptions().SetCorkOption(n != 0)
	case tcpQuickAck:
		ep.SocketOptions().SetQuickAck(n != 0)
	case tcpMaxSeg:
		return outcome(ep.SetSockOptInt(tcpip.MaxSegOption, n))
	case tcpSynCnt:
		return outcome(ep.SetSockOptInt(tcpip.TCPSynCountOption, n))
	case tcpWindowClamp:
		return outcome(ep.SetSockOptInt(tcpip.TCPWindowClampOption, n))
	case tcpKeepCnt:
		return outcome(ep.SetSockOptInt(tcpip.KeepaliveCountOption, n))
	case tcpKeepIdle:
		o := tcpip.KeepaliveIdleOption(seconds)
		return outcome(ep.SetSockOpt(&o))
	case tcpKeepIntvl:
		o := tcpip.KeepaliveIntervalOption(seconds)
		return outcome(ep.SetSockOpt(&o))
	case tcpFastOpenConn:
		if permitted, _ := k.raw.MayOpenFast(anywhere); !permitted {
			return failed("EOPNOTSUPP")
		}
		k.fast = n != 0
	case tcpUserTimeout:
		o := tcpip.TCPUserTimeoutOption(time.Duration(n) * time.Millisecond)
		return outcome(ep.SetSockOpt(&o))
	case tcpLinger2:
		o := tcpip.TCPLingerTimeoutOption(seconds)
		return outcome(ep.SetSockOpt(&o))
	case tcpDeferAccept:
		o := tcpip.TCPDeferAcceptOption(seconds)
		return outcome(ep.SetSockOpt(&o))
	case tcpCongestion:
		if c.Value == nil {
			return failed("EINVAL")
		}
		o := tcpip.CongestionControlOption(c.Value.Bytes)
		return outcome(ep.SetSockOpt(&o))
	}
	return returned(0)
}

func getOption(k *socket, c *packetdrill.Call) *packetdrill.Result {
	switch c.Level {
	case solSocket:
		return getSocket(k, c)
	case solTCP:
		return getTCP(k, c)
	}
	return failed("ENOPROTOOPT")
}

// value is the result of a getsockopt that has an int.
func value(n int64) *packetdrill.Result {
	return &packetdrill.Result{Value: packetdrill.Int(n)}
}

func flag(on bool) *packetdrill.Result {
	if on {
		return value(1)
	}
	return value(0)
}

func getSocket(k *socket, c *packetdrill.Call) *packetdrill.Result {
	o := k.raw.Endpoint.SocketOptions()
	switch c.Option {
	case soError:
		return value(numbers[errno(o.GetLastError())])
	case soReuseAddr:
		return flag(o.GetReuseAddress())
	case soKeepAlive:
		return flag(o.GetKeepAlive())
	case soAcceptConn:
		return flag(tcp.EndpointState(k.raw.Endpoint.State()) == tcp.StateListen)
	case soRcvBuf:
		return value(o.GetReceiveBufferSize())
	case soSndBuf:
		return value(o.GetSendBufferSize())
	case soType:
		return value(sockStream)
	case soLinger:
		l := o.GetLinger()
		r := value(0)
		r.Value = &packetdrill.OptValue{Linger: &packetdrill.Linger{Seconds: int(l.Timeout / time.Second)}}
		if l.Enabled {
			r.Value.Linger.On = 1
		}
		return r
	}
	return failed("ENOPROTOOPT")
}

func getTCP(k *socket, c *packetdrill.Call) *packetdrill.Result {
	ep := k.raw.Endpoint
	switch c.Option {
	case tcpNoDelay:
		return flag(!ep.SocketOptions().GetDelayOption())
	case tcpCork:
		return flag(ep.SocketOptions().GetCorkOption())
	case tcpQuickAck:
		return flag(ep.SocketOptions().GetQuickAck())
	case tcpMaxSeg:
		return number(ep.GetSockOptInt(tcpip.MaxSegOption))
	case tcpSynCnt:
		return number(ep.GetSockOptInt(tcpip.TCPSynCountOption))
	case tcpWindowClamp:
		return number(ep.GetSockOptInt(tcpip.TCPWindowClampOption))
	case tcpKeepCnt:
		return number(ep.GetSockOptInt(tcpip.KeepaliveCountOption))
	case tcpUserTimeout:
		var o tcpip.TCPUserTimeoutOption
		err := ep.GetSockOpt(&o)
		return number(int(time.Duration(o)/time.Millisecond), err)
	case tcpLinger2:
		var o tcpip.TCPLingerTimeoutOption
		err := ep.GetSockOpt(&o)
		return number(int(time.Duration(o)/time.Second), err)
	case tcpDeferAccept:
		var o tcpip.TCPDeferAcceptOption
		err := ep.GetSockOpt(&o)
		return number(int(time.Duration(o)/time.Second), err)
	case tcpInfo:
		return info(k)
	}
	return failed("ENOPROTOOPT")
}

func number(n int, err tcpip.Error) *packetdrill.Result {
	if err != nil {
		return outcome(err)
	}
	return value(int64(n))
}
