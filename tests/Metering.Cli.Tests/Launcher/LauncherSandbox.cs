using System.Diagnostics;
using System.Security.Cryptography;
using Metering.Cli.Tests.Tidy;

namespace Metering.Cli.Tests.Launcher;

/// <summary>
/// A checkout in a temporary folder: the real launcher, with a `dotnet` that writes down its builds and an `npm` that
/// names a server of our own; curl, tar, node and flock are the machine's.
/// </summary>
internal sealed class LauncherSandbox : IAsyncDisposable
{
    private const string FakeDotnet = """
        #!/usr/bin/env bash
        case $1 in
          --version) echo 10.0.100 ;;
          build) echo "$2" >>"$SANDBOX/builds"; mkdir -p "$SANDBOX/src/Metering.Cli/bin/Release/net10.0"
                 touch "$SANDBOX/src/Metering.Cli/bin/Release/net10.0/metering.dll"; exit "${BUILD_EXIT:-0}" ;;
          *) shift; [[ ${1-} != wait ]] || { echo ready; exec sleep 600; }
             printf 'ran<%s>' "$@"; echo " engine=${METERING_LIBCHDB-none}"; [[ ${1-} != fail ]] || exit 7 ;;
        esac
        """;

    private const string FakeNpm = """
        #!/usr/bin/env bash
        [[ -n ${NPM_FAILS-} ]] && { echo "npm error code $NPM_FAILS" >&2; exit 1; }
        echo "$TARBALL_URL"
        """;

    private LauncherSandbox(string root, byte[] library, byte[] tarball)
    {
        Root = root;
        Library = library;
        Server = new TarballServer(tarball);
    }

    public string Root { get; }

    public byte[] Library { get; }

    public TarballServer Server { get; }

    public string EngineFile => Path.Combine(Root, ".cache/native/chdb-1.2.3/libchdb.so");

    public string PartFile => Path.Combine(Root, ".cache/native/chdb-1.2.3-lib.tgz.part");

    public string Source => Path.Combine(Root, "src/Metering.Cli/Program.cs");

    public int Builds => File.Exists(Path.Combine(Root, "builds")) ? File.ReadAllLines(Path.Combine(Root, "builds")).Length : 0;

    public static async Task<LauncherSandbox> CreateAsync(bool rightHash = true)
    {
        foreach (var tool in new[] { "bash", "curl", "tar", "node", "flock" })
            Assert.SkipUnless(FindTool(tool) is not null && OperatingSystem.IsLinux(), $"skipped: needs {tool} on Linux");

        var root = Directory.CreateTempSubdirectory("metering-launcher-").FullName;
        foreach (var file in Checkout.Files.Where(f => f == "metering" || f.StartsWith("infra/launcher/", StringComparison.Ordinal) || f.StartsWith("infra/native/", StringComparison.Ordinal)))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(root, file))!);
            File.Copy(Path.Combine(Checkout.Root, file), Path.Combine(root, file));
        }
        Directory.CreateDirectory(Path.Combine(root, "src/Metering.Cli"));
        await File.WriteAllTextAsync(Path.Combine(root, "src/Metering.Cli/Program.cs"), "first");
        WriteTool(root, "dotnet", FakeDotnet);
        WriteTool(root, "npm", FakeNpm);

        var library = RandomNumberGenerator.GetBytes(400_000);
        Directory.CreateDirectory(Path.Combine(root, "package"));
        await File.WriteAllBytesAsync(Path.Combine(root, "package/libchdb.so"), library);
        using (var tar = Process.Start("tar", ["-czf", Path.Combine(root, "lib.tgz"), "-C", root, "package/libchdb.so"]))
            await tar.WaitForExitAsync();
        var tarball = await File.ReadAllBytesAsync(Path.Combine(root, "lib.tgz"));
        var hash = Convert.ToBase64String(SHA512.HashData(rightHash ? tarball : library));
        var platforms = new[] { "linux-x64", "linux-arm64" }.Select(p => $"{p} @x/lib libchdb.so sha512-{hash}\n");
        await File.WriteAllTextAsync(Path.Combine(root, "infra/native/chdb.pin"), "version 1.2.3\n" + string.Concat(platforms));
        return new LauncherSandbox(root, library, tarball);
    }

    /// <summary>Runs the launcher to its end.</summary>
    public async Task<(int ExitCode, string Output, string Said)> RunAsync(string arguments, params (string Name, string Value)[] environment)
    {
        using var process = Start(Path.Combine(Root, "metering"), "/", arguments.Split(' '), environment);
        return await EndAsync(process);
    }

    public static async Task<(int ExitCode, string Output, string Said)> EndAsync(Process process)
    {
        var output = process.StandardOutput.ReadToEndAsync();
        var said = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await said);
    }

    public Process Start(string launcher, string folder, string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(launcher, arguments)
        {
            WorkingDirectory = folder,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("METERING_", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        start.Environment["PATH"] = Path.Combine(Root, "tools") + ":" + start.Environment["PATH"];
        start.Environment["SANDBOX"] = Root;
        start.Environment["TARBALL_URL"] = Server.Url;
        start.Environment["no_proxy"] = "127.0.0.1";
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>A PATH with the sandbox's tools and the machine's, less one.</summary>
    public string PathWithout(string missing)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Root, "without")).FullName;
        foreach (var tool in new[] { "bash", "env", "readlink", "dirname", "uname", "find", "sort", "cksum", "stat", "mkdir", "touch",
            "rm", "mv", "cat", "grep", "flock", "curl", "tar", "gzip", "node", "wc", "mktemp", "sleep", "dotnet", "npm" })
        {
            if (tool != missing)
                File.CreateSymbolicLink(Path.Combine(folder, tool), tool is "dotnet" or "npm" ? Path.Combine(Root, "tools", tool) : FindTool(tool)!);
        }
        return folder;
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Directory.Delete(Root, recursive: true);
    }

    private static void WriteTool(string root, string name, string script)
    {
        var path = Path.Combine(Directory.CreateDirectory(Path.Combine(root, "tools")).FullName, name);
        File.WriteAllText(path, script);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private static string? FindTool(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(f => Path.Combine(f, name)).FirstOrDefault(File.Exists);
}
