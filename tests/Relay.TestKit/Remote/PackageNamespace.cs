namespace Relay.TestKit.Remote;

/// <summary>
/// How a server out of a Debian package that is unpacked and not installed is run where its files lie over those of the machine.
/// That view, its users and its processes are a namespace of its own: the machine keeps nothing of it, and what the server
/// leaves behind ends with it. Wants root.
/// </summary>
/// <remarks>
/// A folder holds what it needs: <c>package</c> with what was unpacked, <c>etc</c> with what goes over the package's own, and
/// <c>spool</c>, which is seen as <c>/var/spool</c> inside.
/// </remarks>
internal static class PackageNamespace
{
    // What the packages bring of these is laid over the machine's; /run and /var/spool are the server's own.
    private const string Enter = """
        set -e
        room=$1; shift
        chmod 755 "$room/etc"
        cp /etc/passwd /etc/group "$room/etc/"
        cat "$room/users" >> "$room/etc/passwd"; cat "$room/groups" >> "$room/etc/group"
        mkdir -p "$room/package/etc" "$room/package/var/lib"
        mount -t overlay overlay -o "lowerdir=$room/etc:$room/package/etc:/etc" /etc
        mount -t overlay overlay -o "lowerdir=$room/package/usr:/usr" /usr
        mount -t overlay overlay -o "lowerdir=$room/package/var/lib:/var/lib" /var/lib
        mount --bind "$room/spool" /var/spool
        mount -t tmpfs tmpfs /run
        exec "$@"
        """;

    /// <summary>The numeric id of the user that was named as number <paramref name="number"/>.</summary>
    // Above what Debian gives to services.
    public static int Id(int number) => 59_000 + number;

    /// <summary>Names the users that the server runs as; each gets an id of its own and no login.</summary>
    public static async Task WriteUsersAsync(string folder, IReadOnlyList<string> users, CancellationToken cancellation)
    {
        await File.WriteAllLinesAsync(
            Path.Combine(folder, "users"), users.Select((user, n) => $"{user}:x:{Id(n)}:{Id(n)}::/nonexistent:/usr/sbin/nologin"), cancellation);
        await File.WriteAllLinesAsync(Path.Combine(folder, "groups"), users.Select((user, n) => $"{user}:x:{Id(n)}:"), cancellation);
    }

    /// <summary>
    /// What <c>unshare</c> has to be given so that the command is the first process of its namespace: it waits for what its children leave,
    /// so their CPU is on its bill, and nothing outlives it.
    /// </summary>
    public static IEnumerable<string> Arguments(string folder, IEnumerable<string> command) =>
        ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "/bin/sh", "-c", Enter, "room", folder, .. command];
}
