package app

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

func TestLoopbackHTTPCloseOrder(t *testing.T) {
	t.Run("keep-alive: client first", func(t *testing.T) {
		l := newLab(t, "80=http")
		c, server := l.dial()
		w := newWebClient(t, c)
		for range 3 {
			w.do("GET /bytes/100 HTTP/1.1", "")
		}
		l.wantState(c, established) // the server kept it
		l.closeWrite(c)
		w.wantEOF()
		if _, err := server.Write(nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the server's connection: %v, want net.ErrClosed", err)
		}
	})
	for name, request := range map[string][2]string{
		"Connection: close": {"GET /bytes/100 HTTP/1.1", "Connection: close\r\n"},
		"HTTP/1.0":          {"GET /bytes/100 HTTP/1.0", ""},
	} {
		t.Run(name+": server first", func(t *testing.T) {
			l := newLab(t, "80=http")
			c, _ := l.dial()
			w := newWebClient(t, c)
			if _, body := w.do(request[0], request[1]); body != contentText(100) {
				t.Errorf("the body is %q", body)
			}
			w.wantEOF()
			l.wantState(c, closeWait)
		})
	}
	t.Run("unreadable request: answered, half-closed", func(t *testing.T) {
		l := newLab(t, "80=http")
		c, _ := l.dial()
		if _, err := io.WriteString(c, "nonsense\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(c)
		if err != nil || !strings.Contains(string(got), "400 Bad Request") {
			t.Errorf("answered %q, error %v", got, err)
		}
	})
}

// net/http cannot tell a half-close from a close: it gives up, and then it must
// not answer, since to a client that closed an answer is data after close.
func TestLoopbackHTTPDelayIsSilentOnceTheClientIsGone(t *testing.T) {
	l := newLab(t, "80=http")
	c, _ := l.dial()
	newWebClient(t, c).send("GET /delay/1h HTTP/1.1", "")
	<-l.asked
	l.closeWrite(c)
	wantEOF(t, c)
}
