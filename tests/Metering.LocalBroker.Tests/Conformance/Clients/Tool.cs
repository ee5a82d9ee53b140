using System.Collections.Concurrent;
using Metering.Testing;

namespace Metering.LocalBroker.Tests.Conformance.Clients;

/// <summary>Kafka's own command-line classes.</summary>
internal static class Tool
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    // Two, for tests run side by side and a tool waits more than it works.
    private static readonly SemaphoreSlim Hosts = new(2);
    private static readonly ConcurrentBag<JavaHost> Idle = [];
    private static readonly Lazy<Task<bool>> HasCompiler = new(static async () =>
        Programs.OnPath("java") is { } java && (await Programs.RunAsync(java, "", ["--list-modules"])).Contains("jdk.compiler", StringComparison.Ordinal));

    /// <summary>One of Kafka's own command-line classes; skips the test when there is no Java or no Kafka.</summary>
    /// <param name="input">What it reads from its standard input.</param>
    public static async Task<string> JavaAsync(string type, string input, params string[] arguments)
    {
        if (SharedFolder.TryPath("kafka/libs") is not { } libraries || !await HasCompiler.Value)
        {
            Assert.Skip("skipped: a JDK, or the Kafka of the shared folder, is not here (METERING_SHARED names it)");
            return "";
        }
        // What it has to say comes in a hook of Java's own, which only Java's end runs.
        if (type.EndsWith(".VerifiableProducer", StringComparison.Ordinal))
            return await Programs.RunAsync(Programs.OnPath("java")!, input, [.. JavaHost.Flags(libraries), type, .. arguments]);
        await Hosts.WaitAsync(TestContext.Current.CancellationToken);
        var host = Idle.TryTake(out var idle) ? idle : JavaHost.Start(Programs.OnPath("java")!, libraries);
        var isGood = false;
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            var said = await host.RunAsync(type, input, arguments, limit.Token);
            isGood = true;
            return said;
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"{type} {string.Join(' ', arguments)} did not end within {Limit.TotalSeconds} s");
        }
        finally
        {
            if (isGood)
                Idle.Add(host);
            else
                host.Dispose();
            Hosts.Release();
        }
    }
}
