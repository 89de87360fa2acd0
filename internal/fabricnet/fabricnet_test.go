package fabricnet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// The test program is also a chaincode, and a program that gets killed.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv("CHAINCODE_ID") != "":
		server := shim.ChaincodeServer{
			CCID: os.Getenv("CHAINCODE_ID"), Address: os.Getenv("CHAINCODE_SERVER_ADDRESS"),
			CC: cell{}, TLSProps: shim.TLSProperties{Disabled: true},
		}
		fmt.Println(server.Start())
		os.Exit(1)
	case os.Getenv("FABRICNET_VICTIM") != "":
		victim()
	default:
		os.Exit(m.Run())
	}
}

// cell keeps values under keys.
type cell struct{}

func (cell) Init(shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

func (cell) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	args := stub.GetStringArgs()
	switch {
	case args[0] == "put" && len(args) == 3:
		if err := stub.PutState(args[1], []byte(args[2])); err != nil {
			return shim.Error(err.Error())
		}
		return shim.Success(nil)
	case args[0] == "get" && len(args) == 2:
		value, err := stub.GetState(args[1])
		if err != nil {
			return shim.Error(err.Error())
		}
		return shim.Success(value)
	}
	return shim.Error("no such function")
}

func self(t *testing.T) Chaincode {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Chaincode{Path: path}
}

func start(t *testing.T, o Options) *Network {
	t.Helper()
	if testing.Short() {
		t.Skip("runs a network")
	}
	if _, err := Programs(t.Context()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	n, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	})
	t.Logf("started in %v", time.Since(began).Round(10*time.Millisecond))
	return n
}

// TestNetwork starts two networks side by side, commits in both, and stops them.
func TestNetwork(t *testing.T) {
	for _, orderers := range []int{1, 3} {
		t.Run(fmt.Sprint(orderers), func(t *testing.T) {
			t.Parallel()
			n := start(t, Options{Orderers: orderers})
			began := time.Now()
			chaincode, err := n.Deploy(t.Context(), self(t), "one", "two")
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("deployed in %v", time.Since(began).Round(10*time.Millisecond))
			put(t, n, "one", "k", "v")
			for _, o := range n.Orgs {
				seen(t, n, o, "one", "k", "v")
			}
			// The second name is a chaincode of its own.
			seen(t, n, n.Orgs[0], "two", "k", "")

			for _, p := range []*Process{chaincode, n.Orgs[1].Peer.Process, n.Orderers[0].Process} {
				if err := p.Kill(); err != nil || p.Running() {
					t.Fatalf("%s: %v", p.Name, err)
				}
				if err := p.Start(); err != nil {
					t.Fatal(err)
				}
				if err := n.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				put(t, n, "one", "k", p.Name)
				for _, o := range n.Orgs {
					seen(t, n, o, "one", "k", p.Name)
				}
			}

			pids := n.pids()
			if err := n.Stop(); err != nil {
				t.Fatal(err)
			}
			gone(t, pids)
			if _, err := os.Stat(n.Dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is left: %v", n.Dir, err)
			}
		})
	}
}

// put writes, and tries again while the network finds together after a crash.
func put(t *testing.T, n *Network, chaincode, key, value string) {
	t.Helper()
	c, err := n.Orgs[0].Connect(n.Orgs[0].Admin())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var last error
	err = until(t.Context(), nil, "a commit", func() bool {
		_, last = c.GetNetwork(n.Channel).GetContract(chaincode).SubmitTransaction("put", key, value)
		return last == nil
	})
	if err != nil {
		t.Fatal(err, last)
	}
}

// seen waits until the peer of an organisation has a value.
func seen(t *testing.T, n *Network, o *Org, chaincode, key, value string) {
	t.Helper()
	c, err := o.Connect(o.Admin())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = until(t.Context(), o.Peer.Process, "a value", func() bool {
		got, err := c.GetNetwork(n.Channel).GetContract(chaincode).EvaluateTransaction("get", key)
		return err == nil && string(got) == value
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (n *Network) pids() (pids []int) {
	for _, p := range n.processes {
		pids = append(pids, p.cmd.Process.Pid)
	}
	return pids
}

// gone waits until none of the processes lives, nor any of its group.
func gone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		err := until(t.Context(), nil, "the end of a process", func() bool {
			return errors.Is(syscall.Kill(-pid, 0), syscall.ESRCH)
		})
		if err != nil {
			t.Errorf("process %d: %v", pid, err)
			syscall.Kill(-pid, syscall.SIGKILL)
		}
	}
}

// victim starts a network, says what it runs, and waits to be killed.
func victim() {
	signal.Ignore(syscall.SIGHUP)
	n, err := Start(context.Background(), Options{Dir: os.Getenv("FABRICNET_VICTIM")})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, pid := range n.pids() {
		fmt.Println(pid)
	}
	os.Stdout.Close()
	select {}
}

// TestKilled kills the process that started a network.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a network")
	}
	if _, err := Programs(t.Context()); err != nil {
		t.Fatal(err)
	}
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), "FABRICNET_VICTIM="+filepath.Join(t.TempDir(), "net"))
	cmd.SysProcAttr = attributes()
	var out strings.Builder
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1000)
	for n := 0; err == nil; n, err = stdout.Read(buf) {
		out.Write(buf[:n])
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	cmd.Wait()
	var pids []int
	for _, line := range strings.Fields(out.String()) {
		pid, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(out.String())
		}
		pids = append(pids, pid)
	}
	if len(pids) != 3 {
		t.Fatal(out.String())
	}
	gone(t, pids)
}

// TestSweep removes folders of those who are gone, and no others.
func TestSweep(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	mine, lock, err := temporary()
	if err != nil {
		t.Fatal(err)
	}
	dead, left, err := temporary()
	if err != nil {
		t.Fatal(err)
	}
	left.Close() // as the end of a process does
	young, err := os.MkdirTemp("", prefix)
	if err != nil {
		t.Fatal(err)
	}
	sweep()
	for dir, want := range map[string]bool{mine: true, dead: false, young: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if err := release(mine, lock); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(mine); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", mine, err)
	}
}

func TestReserve(t *testing.T) {
	a, err := reserve()
	if err != nil {
		t.Fatal(err)
	}
	defer a.release()
	port := a.take()
	if free(port-1, port) {
		t.Error("the first port of the block is not kept")
	}
	l, err := net.Listen("tcp", address(port))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if free(port, port+1) {
		t.Error("a port in use passes for free")
	}
}
