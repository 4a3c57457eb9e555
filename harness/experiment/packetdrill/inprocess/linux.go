package inprocess

// Numbers of Linux on x86-64, which a Call has on every system.
const (
	afINET, afINET6 = 2, 10
	sockStream      = 1
	sockTypeMask    = 0xf
	nonblock        = 0x800 // O_NONBLOCK, SOCK_NONBLOCK
	readWrite       = 2     // O_RDWR

	msgPeek, msgDontWait, msgMore, msgErrQueue, msgFastOpen = 0x2, 0x40, 0x8000, 0x2000, 0x20000000

	getFL, setFL      = 3, 4
	siocInQ, siocOutQ = 0x541b, 0x5411

	pollOut, pollErr, pollHUp, pollNVal, pollWrNorm = 0x4, 0x8, 0x10, 0x20, 0x100

	epollAdd, epollDel, epollMod = 1, 2, 3
	epollOneShot, epollET        = 1 << 30, 1 << 31

	solIP, solSocket, solTCP, solIPv6 = 0, 1, 6, 41

	soReuseAddr, soType, soError, soSndBuf, soRcvBuf = 2, 3, 4, 7, 8
	soKeepAlive, soLinger, soReusePort               = 9, 13, 15
	soAcceptConn, soSndBufForce, soRcvBufForce       = 30, 32, 33

	ipTOS, ipTTL, ipv6V6Only = 1, 2, 26

	tcpNoDelay, tcpMaxSeg, tcpCork, tcpKeepIdle  = 1, 2, 3, 4
	tcpKeepIntvl, tcpKeepCnt, tcpSynCnt          = 5, 6, 7
	tcpLinger2, tcpDeferAccept, tcpWindowClamp   = 8, 9, 10
	tcpInfo, tcpQuickAck, tcpCongestion          = 11, 12, 13
	tcpUserTimeout, tcpFastOpen, tcpFastOpenConn = 18, 23, 30
	tcpMD5Sig, tcpRepair, tcpULP, tcpMD5SigExt   = 14, 19, 31, 32
	tcpAOAddKey, tcpAODelKey, tcpAOInfo          = 38, 39, 40
)
