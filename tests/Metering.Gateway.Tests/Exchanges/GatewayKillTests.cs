using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using Metering.Client;
using Metering.Client.Spool;
using Metering.Events;
using Metering.Gateway.Exchanges;
using Metering.Gateway.MockHost;
using Metering.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Gateway.Tests.Exchanges;

/// <summary>kill -9 of a gateway in the middle of requests, over and over in one folder.</summary>
public sealed class GatewayKillTests
{
    private const int Rounds = 5;
    private const int Clients = 8;

    [Fact]
    public async Task Every_request_that_a_host_saw_is_one_event_after_kills_R4()
    {
        var folder = Directory.CreateTempSubdirectory("metering-gateway-").FullName;
        var random = new Random();
        await using var mock = await MockModelHost.StartAsync(new MockBehaviour { TokensPerSecond = 400, DefaultTokens = 30 });
        var answered = 0;
        for (var round = 0; round < Rounds; round++)
            answered += await KillOneAsync(folder, mock, random.Next(0, 600));
        // One more start makes events of what the last kill left.
        await using (var publisher = await TokenEventPublisher.StartAsync(GatewayChild.Options(folder)))
            new CrashRecovery(publisher, null, NullLogger.Instance).Run();

        var events = ReadAll(folder);
        var seen = mock.Stats;
        var forwarded = events.Where(e => e.Status != Status.Rejected).ToList();
        Assert.Equal(forwarded.Count, forwarded.Select(e => e.RequestId).Distinct(StringComparer.Ordinal).Count());
        // A request that was written down, and killed before it was sent, is an event of which the host knows nothing: one a client a kill.
        Assert.InRange(forwarded.Count, seen.Requests, seen.Requests + (Rounds * Clients));
        Assert.True(forwarded.Count(e => e.Status == Status.Ok) >= answered, "an answered request has no event");
        var cut = forwarded.Where(e => e.Status == Status.Cut).ToList();
        Assert.NotEmpty(cut);
        Assert.All(cut, e => Assert.True(e.TokensEstimated));
        Assert.All(cut.Where(e => e.Model == GatewayChild.LeasedModel), e => Assert.Equal((50, "l-1"), (e.OutputTokens, e.LeaseId)));
        Assert.All(cut.Where(e => e.Model != GatewayChild.LeasedModel), e => Assert.InRange(e.OutputTokens, 0, 30));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Killed_stream_is_metered_as_far_as_the_journal_was_told_R4()
    {
        var folder = Directory.CreateTempSubdirectory("metering-gateway-").FullName;
        await using var mock = await MockModelHost.StartAsync(new MockBehaviour { HangShare = 1, BreakAfterTokens = 7 });
        using var child = StartChild(folder, mock);
        using var http = await ClientAsync(child);
        var client = AskAsync(http, 0, CancellationToken.None);
        for (var i = 0; !OpenIn(folder).Any(r => r.OutputTokens == 7); i++)
        {
            Assert.True(i < 2000, "the journal was not told of the stream's progress");
            await Task.Delay(10);
        }
        child.Kill();
        await client;
        await using (var publisher = await TokenEventPublisher.StartAsync(GatewayChild.Options(folder)))
            new CrashRecovery(publisher, null, NullLogger.Instance).Run();
        var e = Assert.Single(ReadAll(folder));
        Assert.Equal((Status.Cut, 7, true, true), (e.Status, e.OutputTokens, e.TokensEstimated, e.Streamed));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Unfinished_requests_are_made_events_once_however_often_a_start_is_killed_R4()
    {
        var folder = Directory.CreateTempSubdirectory("metering-gateway-").FullName;
        await using (var publisher = await TokenEventPublisher.StartAsync(GatewayChild.Options(folder)))
        {
            for (var i = 0; i < 3; i++)
                Assert.True((await publisher.OpenAsync(new TokenEvent { RequestId = FormattableString.Invariant($"r{i}"), Tenant = "t", Model = "m" }, new RequestReservation(1, 2))).Accepted);
        }
        await using (var second = await TokenEventPublisher.StartAsync(GatewayChild.Options(folder)))
        {
            Assert.Equal(["r0", "r1", "r2"], second.Unfinished.Select(u => u.Draft.RequestId));
            Assert.True(second.Close(second.Unfinished[1].Request, CrashRecovery.EventOf(second.Unfinished[1])).Accepted);
            Assert.False(second.Close(second.Unfinished[1].Request, CrashRecovery.EventOf(second.Unfinished[1])).Accepted);
        }
        await using (var third = await TokenEventPublisher.StartAsync(GatewayChild.Options(folder)))
        {
            Assert.Equal(["r0", "r2"], third.Unfinished.Select(u => u.Draft.RequestId));
            new CrashRecovery(third, null, NullLogger.Instance).Run();
        }
        await using (var fourth = await TokenEventPublisher.StartAsync(GatewayChild.Options(folder)))
            Assert.Empty(fourth.Unfinished);
        Assert.Equal(["r1", "r0", "r2"], ReadAll(folder).Select(e => e.RequestId));
        Directory.Delete(folder, recursive: true);
    }

    // In the middle of requests: how long a start takes on a busy machine is no part of it.
    private static async Task<int> KillOneAsync(string folder, MockModelHost mock, int servesMs)
    {
        using var child = StartChild(folder, mock);
        using var http = await ClientAsync(child);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var seen = mock.Stats.Requests;
        var clients = Enumerable.Range(0, Clients).Select(client => AskAsync(http, client, limit.Token)).ToList();
        while (mock.Stats.Requests < seen + Clients)
            await Task.Delay(10, limit.Token);
        await Task.Delay(servesMs, limit.Token);
        child.Kill();
        await child.WaitForExitAsync(limit.Token);
        return (await Task.WhenAll(clients)).Sum();
    }

    private static Process StartChild(string folder, MockModelHost mock)
    {
        var start = SelfProcess.Start("gateway-child", folder, mock.Address);
        start.RedirectStandardOutput = true;
        return Process.Start(start)!;
    }

    private static async Task<HttpClient> ClientAsync(Process child)
    {
        var port = int.Parse((await child.StandardOutput.ReadLineAsync())!.Split(' ')[1], CultureInfo.InvariantCulture);
        var http = new HttpClient { BaseAddress = new Uri(FormattableString.Invariant($"http://127.0.0.1:{port}")) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", GatewayBench.Secret);
        return http;
    }

    // As a start would find them, while the gateway still writes.
    private static List<OpenRequest> OpenIn(string folder)
    {
        var open = new OpenRequests();
        foreach (var path in Directory.GetFiles(Path.Combine(folder, "spool", GatewayChild.Source), "*.wal").Order(StringComparer.Ordinal))
        {
            using var file = File.Open(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var bytes = new byte[file.Length];
            SpoolScan.Of(bytes.AsSpan(0, file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)), long.Parse(Path.GetFileNameWithoutExtension(path), CultureInfo.InvariantCulture), open, 1);
        }
        return [.. open.All];
    }

    // Asks until the gateway is gone; how many answers were whole.
    private static async Task<int> AskAsync(HttpClient http, int client, CancellationToken cancellationToken)
    {
        var model = client % 2 == 0 ? "mock-model" : GatewayChild.LeasedModel;
        var body = $$"""{"model":"{{model}}","stream":{{(client % 4 < 2 ? "true" : "false")}},"max_tokens":{{(client % 2 == 0 ? 30 : 50)}},"messages":[{"role":"user","content":"Hi"}]}""";
        for (var answered = 0; ; answered++)
        {
            try
            {
                using var content = new StringContent(body, Encoding.UTF8, "application/json");
                using var answer = await http.PostAsync(new Uri("/v1/chat/completions", UriKind.Relative), content, cancellationToken);
                if (!answer.IsSuccessStatusCode)
                    return answered;
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                return answered;
            }
        }
    }

    private static List<TokenEvent> ReadAll(string folder)
    {
        using var spool = EventSpool.Open(folder, GatewayChild.Source, new SpoolOptions { Fsync = SpoolFsync.Never }, TimeProvider.System, NullLogger.Instance);
        spool.Begin(null, schema: 7);
        using var reader = spool.OpenReader();
        var events = new List<TokenEvent>();
        while (reader.TryRead())
        {
            var e = new TokenEvent();
            Assert.Equal(DecodeError.None, TokenEvent.TryRead(reader.Wire[WireFormat.HeaderBytes..], new StringPool(), e, out _));
            events.Add(e);
        }
        return events;
    }
}
