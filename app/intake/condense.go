package intake

import (
	"bufio"
	"bytes"
	"io"
)

// What is kept of each part of a mail, in bytes as they are sent, and of all of them.
const (
	maxKeptPart = maxPart * 3 / 2 // base64 is longer than what it encodes by a third
	maxKeptMail = 8 << 20
)

// Condense returns a mail without most of its attachments: of each part it keeps the beginning,
// which holds all of a text and is enough to name the rest. It reads on to the end, so that the
// sender's server sees the mail taken, and holds no more than a line of it.
func Condense(mail io.Reader) io.Reader {
	return &condensed{lines: bufio.NewReaderSize(mail, 64<<10)}
}

// condensed is a mail that is being condensed.
type condensed struct {
	lines      *bufio.Reader
	rest       []byte // of the line that is handed out
	part, mail int    // bytes that were kept
	isInLine   bool   // the line began before what is read next
}

// Read hands out what is kept.
func (c *condensed) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		line, err := c.lines.ReadSlice('\n')
		if len(line) == 0 && err != nil {
			return 0, err
		}
		if !c.isInLine && bytes.HasPrefix(line, []byte("--")) { // a part ends: a line of another one begins
			c.part = 0
		}
		c.isInLine = line[len(line)-1] != '\n'
		if c.part+len(line) <= maxKeptPart && c.mail+len(line) <= maxKeptMail {
			c.part += len(line)
			c.mail += len(line)
			c.rest = line
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]

	return n, nil
}
