using Metering.Client.Spool;
using Metering.Events;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace Metering.Client.Tests;

public sealed class TokenEventPublisherTests
{
    [Fact]
    public async Task Publish_fills_in_the_identity_and_leaves_the_events_own_time_alone()
    {
        using var bench = new PublisherBench();
        await using var publisher = await bench.StartAsync();
        var e = PublisherBench.Event();
        var result = publisher.Publish(e);
        Assert.True(result.Accepted);
        Assert.Equal(("unit", publisher.Epoch, 1L, 0L), (e.Source, e.Epoch, e.Sequence, e.EventTimeMicros));
        Assert.Equal(2, publisher.Publish(e).Sequence);
    }

    [Fact]
    public async Task Publish_of_what_the_pipeline_would_reject_says_which_field_and_takes_no_number()
    {
        using var bench = new PublisherBench();
        await using var publisher = await bench.StartAsync();
        var now = (TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        (string Field, Action<TokenEvent> Spoil)[] faults =
        [
            ("tenant", e => e.Tenant = ""), ("tenant", e => e.Tenant = null!), ("model", e => e.Model = ""),
            ("request_id", e => e.RequestId = null!), ("route", e => e.Route = new string('x', 513)), ("user", e => e.User = new string('ü', 300)),
            ("input_tokens", e => e.InputTokens = -1), ("output_tokens", e => e.OutputTokens = long.MinValue),
            ("input_tokens", e => e.InputTokens = long.MaxValue), ("cached_input_tokens", e => e.CachedInputTokens = 13),
            ("reasoning_tokens", e => e.ReasoningTokens = 35), ("event_time", e => e.EventTimeMicros = 1_577_836_799_999_999),
            ("event_time", e => e.EventTimeMicros = now + 2 * EventLimits.MaxAheadMicros), ("admitted_at", e => e.AdmittedAtMicros = 5),
            ("attempt", e => e.Attempt = 0), ("operation", e => e.Operation = (Operation)9), ("status", e => e.Status = (Status)(-1)),
            ("outcome", e => e.Outcome = (Outcome)3), ("queue_us", e => e.QueueUs = -2), ("tags", e => e.Tags = null!),
            ("tag", e => e.Tags = new Dictionary<string, string>(StringComparer.Ordinal) { ["a"] = new string('x', 1025) }),
            ("tags", e => e.Tags = Enumerable.Range(0, 65).ToDictionary(i => $"t{i}", _ => "", StringComparer.Ordinal)),
        ];
        foreach (var (field, spoil) in faults)
        {
            var e = PublisherBench.Event();
            spoil(e);
            var result = publisher.Publish(e);
            Assert.Equal(PublishStatus.Invalid, result.Status);
            Assert.Contains(field, result.Reason, StringComparison.Ordinal);
        }
        Assert.Equal(1, publisher.Publish(PublisherBench.Event()).Sequence);
    }

    [Fact]
    public async Task Close_publishes_the_event_of_a_request_once_and_only_if_it_is_open_R4()
    {
        using var bench = new PublisherBench();
        await using var publisher = await bench.StartAsync();
        var opened = await publisher.OpenAsync(PublisherBench.Event(), new RequestReservation(10, 20));
        var refused = await publisher.OpenAsync(new TokenEvent { RequestId = "r", Model = "m" }, default);
        Assert.Equal((true, false), (opened.Accepted, refused.Accepted));
        publisher.Progress(opened.Request, -1, 5);
        Assert.Equal(0, publisher.Stats.Accepted);
        Assert.Equal(1, publisher.Close(opened.Request, PublisherBench.Event()).Sequence);
        Assert.Equal(PublishStatus.Invalid, publisher.Close(opened.Request, PublisherBench.Event()).Status);
        publisher.Progress(opened.Request, -1, 6);
        Assert.True(await publisher.FlushAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal([(publisher.Epoch, 1L)], bench.Broker.Log);
    }

    [Fact]
    public async Task Publish_with_the_spool_full_says_so_and_PublishAsync_waits_for_room()
    {
        using var bench = new PublisherBench();
        bench.Broker.AcknowledgesAtOnce = false;
        await using var publisher = await bench.StartAsync(o => o.MaxSpoolBytes = 1 << 20);
        var e = PublisherBench.Event();
        while (publisher.Publish(e).Accepted)
            continue;
        Assert.Equal(PublishResult.SpoolFull, publisher.Publish(e));
        var accepted = publisher.Stats.Accepted;
        var waiting = publisher.PublishAsync(e).AsTask();
        Assert.False(waiting.IsCompleted);
        bench.Broker.AcknowledgesAtOnce = true;
        bench.Broker.AcknowledgeAny(int.MaxValue, new Random(1));
        var result = await waiting.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal((PublishStatus.Accepted, accepted + 1), (result.Status, result.Sequence));
        Assert.True(await publisher.FlushAsync(TimeSpan.FromSeconds(20)));
        Sending.EventSenderTests.AssertNoGaps(bench.Broker.Log, publisher.Epoch, accepted + 1);
    }

    [Fact]
    public async Task Publish_from_many_threads_numbers_without_gap_or_double()
    {
        using var bench = new PublisherBench();
        await using var publisher = await bench.StartAsync(o => o.Window = 4096);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => PublisherBench.Publish(publisher, 2000))));
        Assert.True(await publisher.FlushAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal(Enumerable.Range(1, 16_000).Select(i => (publisher.Epoch, (long)i)), bench.Broker.Log);
    }

    [Fact]
    public async Task Publish_of_a_good_event_leaves_no_garbage()
    {
        using var bench = new PublisherBench();
        bench.Broker.RegistryIsAway = true;
        await using var publisher = await bench.StartAsync(o =>
        {
            o.CloseTimeout = TimeSpan.Zero;
            o.Fsync = SpoolFsync.Never;
        });
        var e = PublisherBench.Event();
        e.Tags["team"] = "search";
        publisher.Publish(e);
        // Not a byte an event. What comes once (a lock that meets its sender's thread, a new segment) is in one round, not in all.
        var garbage = Enumerable.Range(0, 5).Min(_ => AllocatedBy(() =>
        {
            for (var i = 0; i < 1000; i++)
                publisher.Publish(e);
        }));
        Assert.Equal(0, garbage);

        static long AllocatedBy(Action action)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            action();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [Fact]
    public async Task Start_of_a_second_publisher_of_the_source_on_this_machine_is_refused()
    {
        using var bench = new PublisherBench();
        await using var publisher = await bench.StartAsync();
        await Assert.ThrowsAsync<SpoolInUseException>(() => bench.StartAsync());
    }

    [Fact]
    public async Task Close_reports_the_epoch_as_closed_with_all_its_sums_R6()
    {
        using var bench = new PublisherBench();
        long epoch;
        await using (var publisher = await bench.StartAsync())
        {
            epoch = publisher.Epoch;
            PublisherBench.Publish(publisher, 10);
        }
        var report = bench.Broker.Reports[^1];
        Assert.Equal(("unit", epoch, 10, 10, 10, 120, 340, 0, 0, true),
            (report.Source, report.Epoch, report.LastSequence, report.AcknowledgedSequence, report.Acknowledged,
                report.InputTokens, report.OutputTokens, report.Spooled, report.Expired, report.Closed));
    }

    [Fact]
    public async Task Report_follows_while_events_flow_and_says_what_is_spooled_R6()
    {
        using var bench = new PublisherBench();
        bench.Broker.AcknowledgesAtOnce = false;
        await using var publisher = await bench.StartAsync(o => o.CloseTimeout = TimeSpan.Zero);
        PublisherBench.Publish(publisher, 10);
        await PublisherBench.UntilAsync(() => bench.Broker.Reports is [.., { LastSequence: 10, Acknowledged: 0, Spooled: 10, Closed: false }], "10 are reported as spooled");
        bench.Broker.AcknowledgeAny(10, new Random(1));
        await PublisherBench.UntilAsync(() => bench.Broker.Reports is [.., { Acknowledged: 10, Spooled: 0, Closed: false }], "10 are reported as acknowledged");
    }

    [Fact]
    public async Task Restart_closes_the_report_of_the_epoch_that_was_left_open_once_its_events_are_sent_R6()
    {
        using var bench = new PublisherBench();
        bench.Broker.AcknowledgesAtOnce = false;
        long old;
        await using (var first = await bench.StartAsync(o => o.CloseTimeout = TimeSpan.Zero))
        {
            old = first.Epoch;
            PublisherBench.Publish(first, 30);
        }
        await using var second = await bench.StartAsync();
        await PublisherBench.UntilAsync(() => bench.Broker.Unacknowledged == 30, "the old epoch's events are resent");
        Assert.DoesNotContain(bench.Broker.Reports, r => r.Closed);
        bench.Broker.AcknowledgeAny(30, new Random(1));
        await PublisherBench.UntilAsync(() => bench.Broker.Reports.Any(r => r.Epoch == old && r.Closed), "the old epoch is closed");
        var report = bench.Broker.Reports.Last(r => r.Epoch == old);
        Assert.Equal((30, 30, 30, 360, 1020, 0), (report.LastSequence, report.AcknowledgedSequence, report.Acknowledged, report.InputTokens, report.OutputTokens, report.Spooled));
        await PublisherBench.UntilAsync(() => EpochBook.Open(Path.Combine(bench.DataFolder, "spool", "unit")).Find(old) is null, "the book forgets it");
    }

    [Fact]
    public async Task Events_older_than_15_days_are_not_sent_but_counted_as_expired_R2()
    {
        using var bench = new PublisherBench();
        bench.Broker.RegistryIsAway = true;
        var clock = new FakeTimeProvider(DateTimeOffset.Parse("2026-01-01T00:00:00Z", System.Globalization.CultureInfo.InvariantCulture));
        long old;
        await using (var first = await bench.StartAsync(o => o.CloseTimeout = TimeSpan.Zero, clock))
        {
            old = first.Epoch;
            PublisherBench.Publish(first, 20);
        }
        clock.Advance(TimeSpan.FromDays(15) + TimeSpan.FromSeconds(1));
        bench.Broker.RegistryIsAway = false;
        await using var second = await bench.StartAsync(clock: clock);
        PublisherBench.Publish(second, 5);
        await PublisherBench.UntilAsync(
            () =>
            {
                clock.Advance(TimeSpan.FromMilliseconds(100));
                return bench.Broker.Reports.Any(r => r.Epoch == old && r.Closed) && second.Stats.SpooledEvents == 0;
            },
            "the old epoch is closed");
        Assert.Equal(Enumerable.Range(1, 5).Select(i => (second.Epoch, (long)i)), bench.Broker.Log);
        var report = bench.Broker.Reports.Last(r => r.Epoch == old);
        Assert.Equal((20, 0, 20, 0), (report.LastSequence, report.Acknowledged, report.Expired, report.Spooled));
        Assert.Equal(1, bench.Log.Count(4105));
    }

    [Fact]
    public async Task Start_with_wrong_options_names_all_errors_at_once()
    {
        var options = new PublisherOptions
        {
            Source = "",
            Registry = "nowhere",
            TopicPrefix = "a b",
            MaxSpoolBytes = 5,
            Window = 0,
            Epoch = -1,
            KafkaConfig = { ["acks"] = "1" },
            FsyncInterval = TimeSpan.Zero,
        };
        var wrong = await Assert.ThrowsAsync<OptionsValidationException>(() => TokenEventPublisher.StartAsync(options));
        string[] named = ["Brokers", "Registry", "Source", "TopicPrefix", "MaxSpoolBytes", "Window", "Epoch", "acks", "FsyncInterval"];
        Assert.All(named, name => Assert.Contains(name, wrong.Message, StringComparison.Ordinal));
        Assert.Equal(named.Length, wrong.Failures.Count());
    }

    [Fact]
    public void Options_print_no_secret()
    {
        var text = new PublisherOptions { Registry = "https://user:secret1@registry/api", KafkaConfig = { ["sasl.password"] = "secret2" } }.ToString();
        Assert.Contains("https://registry/api", text, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:8081", "http://127.0.0.1:8081/", null)]
    [InlineData("http://u:p%40ss@host:1/apis/ccompat/v7", "http://host:1/apis/ccompat/v7", "u:p@ss")]
    public void RegistryUrl_keeps_the_path_and_takes_user_and_password_out(string url, string expected, string? user)
    {
        var config = Client.Sending.RegistryUrl.Parse(url);
        Assert.Equal((expected, user), (config.Url, config.BasicAuthUserInfo));
    }

    [Fact]
    public async Task AddTokenEventPublisher_starts_and_closes_with_the_host()
    {
        using var folder = new TempFolder();
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddTokenEventPublisher(o =>
            (o.Brokers, o.Registry, o.Source, o.DataFolder, o.CloseTimeout) = ("127.0.0.1:1", "http://127.0.0.1:1", "hosted", folder.Path, TimeSpan.Zero));
        using var host = builder.Build();
        var publisher = host.Services.GetRequiredService<ITokenEventPublisher>();
        Assert.Throws<InvalidOperationException>(() => publisher.Publish(PublisherBench.Event()));
        await host.StartAsync();
        Assert.True(publisher.Publish(PublisherBench.Event()).Accepted);
        await host.StopAsync();
        Assert.Throws<ObjectDisposedException>(() => publisher.Publish(PublisherBench.Event()));
    }
}
