// go_children.go: a program without libc: raw system calls from the runtime's own threads, children by os/exec.
package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
)

func me() string {
	comm, _ := os.ReadFile("/proc/self/comm")
	return strings.TrimSpace(string(comm)) + "[" + strconv.Itoa(os.Getpid()) + "]: "
}

// say writes in pieces, which is no trouble as long as one goroutine writes.
func say(text string) {
	line := me() + text + "\n"
	size := len(line)
	if os.Getenv("PIECES") == "1" {
		size = 6
	}
	for len(line) > 0 {
		if size > len(line) {
			size = len(line)
		}
		os.Stdout.WriteString(line[:size])
		line = line[size:]
	}
}

func main() {
	if len(os.Args) > 1 {
		for i := 0; i < 10; i++ {
			say("child " + os.Args[1] + " line " + strconv.Itoa(i))
		}
		os.Exit(5)
	}
	say("begin")
	var all sync.WaitGroup
	for i := 0; i < 8; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			for k := 0; k < 20; k++ {
				os.Stderr.WriteString(me() + "goroutine " + strconv.Itoa(i) + " line " + strconv.Itoa(k) + "\n")
			}
		}(i)
	}
	for i := 0; i < 4; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			child := exec.Command(os.Args[0], strconv.Itoa(i))
			child.Stdout, child.Stderr = os.Stdout, os.Stderr
			child.Run()
		}(i)
	}
	all.Wait()
	shell := exec.Command("sh", "-c", "echo \"sh[$$]: by go\"; exit 6")
	shell.Stdout = os.Stdout
	err := shell.Run()
	say("sh: " + err.Error())
	caught, _ := exec.Command("echo", "caught").Output()
	say(strings.TrimSpace(string(caught)))
	os.Exit(9)
}
