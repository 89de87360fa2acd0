# What the demonstrations share: to say a command, and to run it.
say() { printf '\n$ %s\n' "$*"; }
run() { say "$@"; "$@"; }
# expect STATUS COMMAND...: the command must end with that status.
expect() {
	want=$1; shift
	say "$@"
	got=0; "$@" || got=$?
	if [ "$got" != "$want" ]; then
		echo "demo: exit status $got, expected $want" >&2
		exit 1
	fi
	echo "(exit status $got)"
}
