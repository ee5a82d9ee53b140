using CsCheck;
using Metering.Events;
using static Metering.Pipeline.Tests.Meter.TestEvents;

namespace Metering.Pipeline.Tests.Meter;

/// <summary>Random flows, commits and crashes against a reference that is a set and a fold. CsCheck prints the seed of a
/// failure; run it again with the environment variable CsCheck_Seed.</summary>
public sealed class ExactlyOnceProperties
{
    private static readonly Gen<Operation> Sends =
        Gen.Select(Gen.Int[0, 2], Gen.Int[1, 2], Gen.OneOf(Gen.Long[0, 12], Gen.Long[0, 60], Gen.Long[1L << 40, (1L << 40) + 3]), Gen.Int[0, 5], Gen.Bool)
            .Select((source, epoch, sequence, request, isValid) => (Operation)new Send($"source-{source}", epoch, sequence, request, isValid || sequence % 3 != 0));

    private static readonly Gen<Operation[]> Flows = Gen.Frequency(
        (12, Sends),
        (1, Gen.Const<Operation>(new Garbage())),
        (6, Gen.Int[1, 8].Select(count => (Operation)new Process(count))),
        (3, Gen.Const<Operation>(new Commit())),
        (1, Gen.Bool.Select(compacted => (Operation)new Crash(compacted))),
        (1, Gen.Const<Operation>(new LoseCommit())),
        (1, Gen.Int[1, 1500].Select(ms => (Operation)new Pass(ms)))).Array[0, 200];

    private abstract record Operation;

    private sealed record Send(string Source, long Epoch, long Sequence, int Request, bool IsValid) : Operation;

    private sealed record Garbage : Operation;

    private sealed record Process(int Count) : Operation;

    private sealed record Commit : Operation;

    private sealed record Crash(bool Compacted) : Operation;

    private sealed record LoseCommit : Operation;

    private sealed record Pass(int Milliseconds) : Operation;

    [Fact]
    public Task R1_to_R11_Each_valid_event_is_in_committed_blocks_once_and_the_accounts_reconcile() => Flows.SampleAsync(async flow =>
    {
        var meter = await StartAsync();
        var expected = new Reference();
        foreach (var operation in flow)
            Apply(meter, expected, operation);
        await FinishAsync(meter);
        Assert.Equal(expected.Metered, meter.Events.Select(row => (row.Text("source"), row.Int64("epoch"), row.Int64("sequence"), row.Text("request_id"))));
        Assert.Equal(expected.RejectedCount, meter.Letters.Length);
        Assert.Equal(meter.Letters.Length, meter.Letters.Select(letter => letter.Offset).Distinct().Count());
        AssertAccounts(meter, expected);
    }, iter: 400);

    [Fact]
    public Task R9_The_state_after_crashes_is_that_of_one_undisturbed_run() => Flows.SampleAsync(async flow =>
    {
        var (disturbed, straight) = (await StartAsync(), await StartAsync());
        foreach (var operation in flow)
        {
            Apply(disturbed, new Reference(), operation);
            if (operation is Send or Garbage or Pass)
                Apply(straight, new Reference(), operation);
        }
        await FinishAsync(disturbed);
        await FinishAsync(straight);
        Settle(disturbed);
        Settle(straight);
        Assert.Equal(straight.State(), disturbed.State());
        disturbed.Crash(compacted: true);
        await FinishAsync(disturbed);
        Assert.Equal(straight.State(), disturbed.State());
    }, iter: 300);

    /// <summary>Until all that is missing is judged: when a checkpoint was made depends on the intervals, the verdict does not.</summary>
    private static void Settle(MeterHarness meter)
    {
        for (var i = 0; i < 4; i++)
        {
            meter.Time.Advance(meter.Context.LossGrace);
            meter.Commit();
        }
    }

    private static async Task<MeterHarness> StartAsync()
    {
        var meter = new MeterHarness();
        meter.Schemas.Find(FakeRegistry.TokenEventId);
        await meter.Schemas.ResolvePendingAsync(TestContext.Current.CancellationToken);
        return meter;
    }

    private static async Task FinishAsync(MeterHarness meter)
    {
        await meter.RunAsync();
        meter.Time.Advance(TimeSpan.FromSeconds(1));
        meter.Commit();
    }

    private static void Apply(MeterHarness meter, Reference expected, Operation operation)
    {
        switch (operation)
        {
            case Send send:
                var e = Event(send.Sequence, send.Source, send.Epoch).With(changed => (changed.RequestId, changed.Tenant) = ($"r{send.Request}", send.IsValid ? "acme" : ""));
                meter.Add(e);
                expected.Take(e, send.IsValid);
                break;
            case Garbage:
                meter.Add("source-0"u8.ToArray(), [1, 2, 3]);
                expected.TakeGarbage();
                break;
            case Process process:
                for (var i = 0; i < process.Count; i++)
                    meter.Step();
                break;
            case Commit:
                meter.Commit();
                break;
            case Crash crash:
                meter.Crash(crash.Compacted);
                break;
            case LoseCommit:
                meter.CommitAndLoseIt();
                break;
            case Pass pass:
                meter.Time.Advance(TimeSpan.FromMilliseconds(pass.Milliseconds));
                break;
        }
    }

    private static void AssertAccounts(MeterHarness meter, Reference expected)
    {
        Assert.Equal(expected.Accounts.Keys.Order(), meter.Accounts.Keys.Order());
        foreach (var (key, account) in meter.Accounts)
        {
            long Of(string column) => account.Int64(column);
            var counts = expected.Accounts[key];
            Assert.Equal((counts.Received, counts.Metered, counts.Rejected), (Of("received"), Of("metered"), Of("rejected")));
            Assert.Equal(Of("received"), Of("metered") + Of("rejected") + Of("duplicate"));
            Assert.Equal(Of("highest_sequence") + Of("unnumbered"), Of("metered") + Of("rejected") + Of("in_flight") + Of("lost"));
            Assert.Equal(counts.Metered * 10, (Int128)account["input_tokens"]!);
        }
    }

    /// <summary>What must come out: the first event of each identity, in the order of the log.</summary>
    private sealed class Reference
    {
        private readonly HashSet<(string, long, long, string)> _seen = [];

        public List<(string Source, long Epoch, long Sequence, string RequestId)> Metered { get; } = [];

        public Dictionary<(string Source, long Epoch), (long Received, long Metered, long Rejected)> Accounts { get; } = [];

        public long RejectedCount => Accounts.Values.Sum(account => account.Rejected);

        public void Take(TokenEvent e, bool isValid)
        {
            // Numbered by sequence within the epoch; not numbered by request, over all epochs of a source (R7).
            var isNew = _seen.Add(e.Sequence > 0 ? (e.Source, e.Epoch, e.Sequence, "") : (e.Source, 0, 0, e.RequestId));
            if (isNew && isValid)
                Metered.Add((e.Source, e.Epoch, e.Sequence, e.RequestId));
            Add((e.Source, e.Epoch), isNew && isValid, isNew && !isValid);
        }

        public void TakeGarbage() => Add(("", 0), isMetered: false, isRejected: true);

        private void Add((string, long) key, bool isMetered, bool isRejected)
        {
            var (received, metered, rejected) = Accounts.GetValueOrDefault(key);
            Accounts[key] = (received + 1, metered + (isMetered ? 1 : 0), rejected + (isRejected ? 1 : 0));
        }
    }
}
