package main_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// mailsAtOnce, mailSize and mostMemory are what serve is held to: four mails of 40 MB at once.
const (
	mailsAtOnce = 4
	mailSize    = 39 << 20 // of the attachment; the most that a mail may have is 40 MB
	mostMemory  = 200 << 10
)

// serve takes four of the largest mails at once, and holds little of them (K7). All are under way,
// with most of them sent, before the first one ends.
func TestK7FourLargeMailsAtOnce(t *testing.T) {
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("it sends 160 MB, and reads the memory of a process as Linux shows it")
	}
	data := t.TempDir()
	start(t, nil, "sandbox", "--listen", "127.0.0.1:0", "--data", data, "--webhook", "http://127.0.0.1:1/webhook")
	text, err := os.ReadFile(filepath.Join(data, "firebreak.env"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := launch(t, strings.Fields(string(text)), server, "--listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	before := p.highWater()

	var done, sent sync.WaitGroup
	sent.Add(mailsAtOnce)
	for n := range mailsAtOnce {
		done.Go(func() {
			if err := p.sendMail(n, &sent); err != nil {
				t.Errorf("mail %d: %v", n, err)
			}
		})
	}
	done.Wait()
	after := p.highWater()
	t.Logf("serve held %d MB at most, %d MB before", after>>10, before>>10)
	if after > mostMemory {
		t.Errorf("serve held %d MB at most", after>>10)
	}
}

// sendMail posts a mail; its end goes out once all mails have come so far.
func (p *process) sendMail(n int, sent *sync.WaitGroup) error {
	in, out := io.Pipe()
	go func() {
		fmt.Fprintf(out, "From: gina@globex.example\r\nTo: p1@acme.example\r\nSubject: Trouble %d\r\nMessage-ID: <%[1]d@globex.example>\r\n"+
			"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain\r\n\r\nAll checkouts fail\r\n--B\r\n"+
			"Content-Type: application/octet-stream; name=dump.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n", n)
		lines := bytes.Repeat([]byte(strings.Repeat("QUJD", 19)+"\r\n"), 1<<13)
		for size := 0; size < mailSize; size += len(lines) {
			if _, err := out.Write(lines); err != nil {
				break // the request says why
			}
		}
		sent.Done()
		sent.Wait()
		_, err := io.WriteString(out, "--B--\r\n")
		out.CloseWithError(err)
	}()
	req, err := http.NewRequest(http.MethodPost, p.url+"/intake/email", in)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer demo-intake")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if said, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusAccepted {
		return fmt.Errorf("answered %d %s", res.StatusCode, said)
	}
	return nil
}

var highWater = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// highWater returns the most memory that the process held so far, in KiB.
func (p *process) highWater() int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	m := highWater.FindSubmatch(status)
	if m == nil {
		p.t.Fatalf("no VmHWM in\n%s", status)
	}
	kib, err := strconv.Atoi(string(m[1]))
	if err != nil {
		p.t.Fatal(err)
	}
	return kib
}

// initialized is a package that a process prepared before it began, as Go's inittrace shows it.
var initialized = regexp.MustCompile(`(?m)^init (github\.com/firebreak-dev/firebreak/\S+) @.* clock, (\d+) bytes`)

// mostPrepared is what our packages may allocate before serve begins. Templates and regular expressions,
// which took 7 MB and half of the time until it was ready, are made when they are needed first.
const mostPrepared = 1 << 20

func TestServeStartsWithoutPreparingWhatItMayNotNeed(t *testing.T) {
	cmd := exec.Command(server, "version")
	cmd.Env = []string{"GODEBUG=inittrace=1"}
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	total, packages := 0, initialized.FindAllSubmatch(said, -1)
	for _, m := range packages {
		bytes, err := strconv.Atoi(string(m[2]))
		if err != nil {
			t.Fatal(err)
		}
		total += bytes
	}
	t.Logf("%d packages prepare %d KB", len(packages), total>>10)
	if len(packages) == 0 || total > mostPrepared {
		t.Errorf("%d packages prepare %d KB:\n%s", len(packages), total>>10, said)
	}
}
