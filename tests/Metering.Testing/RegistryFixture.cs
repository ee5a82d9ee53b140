using System.Diagnostics;

namespace Metering.Testing;

/// <summary>The real schema registry of the shared folder, in memory, on a free port and in a temporary folder of its own.</summary>
public sealed class RegistryFixture : IAsyncDisposable
{
    /// <summary>What a test says when <see cref="TryStartAsync"/> gave it none.</summary>
    public const string SkipReason = "skipped: the shared folder has no registry, or this machine no bash and no Java (METERING_SHARED names the folder)";

    private const int StartAttempts = 3;

    private static readonly TimeSpan StartsWithin = TimeSpan.FromSeconds(100);
    private static readonly TimeSpan StopsWithin = TimeSpan.FromSeconds(20);

    private readonly string _script;
    private readonly string _folder;

    private RegistryFixture(string script, string folder, Uri url)
    {
        _script = script;
        _folder = folder;
        Url = url;
    }

    /// <summary>Its base URL, which has a path: a client that drops the path of its base URL fails here.</summary>
    public Uri Url { get; }

    /// <summary>Starts it; null when there is none to start. Throws when there is one and it does not start.</summary>
    public static async Task<RegistryFixture?> TryStartAsync(CancellationToken cancellationToken = default)
    {
        if (SharedFolder.TryPath("registry/registry") is not { } script || Programs.OnPath("bash") is null || Programs.OnPath("java") is null)
            return null;
        // Its script asks too, and may be the one that is not answered (see AskAgain).
        for (var attempt = 1; ; attempt++)
        {
            var folder = Directory.CreateTempSubdirectory("metering-registry-").FullName;
            var (exitCode, output, errors) = await RunAsync(script, ["start", "--port", "0", "--dir", folder], StartsWithin, cancellationToken);
            if (exitCode == 0 && Uri.TryCreate(output.Trim(), UriKind.Absolute, out var url))
                return new RegistryFixture(script, folder, url);
            Directory.Delete(folder, recursive: true);
            if (attempt == StartAttempts)
                throw new InvalidOperationException($"the registry of the shared folder did not start (exit {exitCode}): {errors}");
        }
    }

    /// <summary>A client with <see cref="Url"/> as its base, which asks again what was not answered: all that tests ask may be asked twice.</summary>
    public HttpClient CreateClient() => new(new AskAgain { InnerHandler = new SocketsHttpHandler() }) { BaseAddress = new Uri(Url + "/") };

    public async ValueTask DisposeAsync()
    {
        _ = await RunAsync(_script, ["stop", "--dir", _folder], StopsWithin, CancellationToken.None);
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<(int ExitCode, string Output, string Errors)> RunAsync(string script, string[] arguments, TimeSpan within, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("bash", [script, .. arguments]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(within);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            var errors = process.StandardError.ReadToEndAsync(deadline.Token);
            await process.WaitForExitAsync(deadline.Token);
            return (process.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>
    /// That registry leaves one request in 3,000 to 9,000 without an answer when the machine is busy, whether sent in one
    /// packet or two, on a new connection or an old one (measured with 4 clients); the same request again is answered.
    /// </summary>
    private sealed class AskAgain : DelegatingHandler
    {
        private const int Attempts = 4;
        private static readonly TimeSpan AnswersWithin = TimeSpan.FromSeconds(15);

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            for (var attempt = 1; ; attempt++)
            {
                using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                deadline.CancelAfter(AnswersWithin);
                try
                {
                    return await base.SendAsync(request, deadline.Token);
                }
                catch (OperationCanceledException) when (attempt < Attempts && !cancellationToken.IsCancellationRequested)
                {
                    // Unanswered: again.
                }
            }
        }
    }
}
