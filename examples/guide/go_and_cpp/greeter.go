// The same in Go, both roles: "go run . serve" and "go run . call".
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/andeya/erpc/v7"
)

type HelloArg struct {
	Name string `json:"name"`
}
type HelloResult struct {
	Text string `json:"text"`
}

// Greeter serves CALL /greeter/hello.
type Greeter struct{ erpc.CallCtx }

func (g *Greeter) Hello(arg *HelloArg) (*HelloResult, *erpc.Status) {
	if arg.Name == "" {
		return nil, erpc.NewStatus(1001, "who are you?")
	}
	g.Session().Push("/news/told", arg.Name+" was greeted in Go")
	return &HelloResult{Text: "Hello " + arg.Name + ", says Go"}, nil
}

// News takes PUSH /news/told.
type News struct{ erpc.PushCtx }

func (n *News) Told(text *string) *erpc.Status {
	fmt.Println("told:", *text)
	return nil
}

func main() {
	erpc.SetLoggerLevel("OFF")
	if os.Args[1] == "serve" {
		peer := erpc.NewPeer(erpc.PeerConfig{LocalIP: "127.0.0.1", ListenPort: 9090})
		peer.RouteCall(new(Greeter))
		fmt.Fprintln(os.Stderr, peer.ListenAndServe())
		return
	}
	peer := erpc.NewPeer(erpc.PeerConfig{})
	defer peer.Close()
	peer.RoutePush(new(News))
	session, status := peer.Dial("127.0.0.1:9090")
	if !status.OK() {
		fmt.Fprintln(os.Stderr, status)
		os.Exit(1)
	}
	var hello HelloResult
	if status := session.Call("/greeter/hello", HelloArg{Name: "Ann"}, &hello).Status(); !status.OK() {
		fmt.Fprintln(os.Stderr, status)
		os.Exit(1)
	}
	fmt.Println("reply:", hello.Text)
	nameless := session.Call("/greeter/hello", HelloArg{}, &hello).Status()
	fmt.Println("without a name:", nameless.Code(), nameless.Msg())
	time.Sleep(100 * time.Millisecond) // erpc handles what is pushed beside the reply
}
