using System.Buffers;
using Metering.Client.Policies;
using Metering.Core.Policies;
using Metering.Core.Windows;
using Metering.Events;
using Policy = Metering.Core.Policies.Policy;
using PolicyMatch = Metering.Core.Policies.PolicyMatch;
using PolicyStep = Metering.Core.Policies.PolicyStep;

namespace Metering.Client.Tests.Policies;

public sealed class PolicyRecordsTests
{
    private static Policy Full => new()
    {
        Name = "p",
        Match = [new PolicyMatch("tenant", ["a", "b"]), new PolicyMatch("tag.team", [], Each: true)],
        Except = [new PolicyMatch("key", ["k"])],
        Unit = Core.Policies.LimitUnit.Usd,
        Amount = 12_500_000_000_001,
        Per = Core.Windows.LimitPeriod.Week,
        Rolling = true,
        Hard = true,
        TimeZone = "Europe/Berlin",
        Steps = [new PolicyStep(800_000, Core.Policies.StepAction.Throttle) { TokensPerSecond = 1, BurstTokens = 2, MaxOutputTokens = 3, ToModel = "m", RetryAfterMs = 4 }, new PolicyStep(1, Core.Policies.StepAction.Deny)],
        IsShadow = true,
        SharePpm = 123,
        WhenControlIsLost = Core.Policies.LostControl.Closed,
        SafeSharePpm = 456,
        Message = "m",
        AppliedAtMicros = 7,
        EffectiveAtMicros = 8,
    };

    [Fact]
    public void FromRecord_of_what_was_written_and_read_is_the_same()
    {
        var output = new ArrayBufferWriter<byte>();
        WireFormat.Write(output, 1, PolicyRecords.ToRecord(Full));
        var record = new Metering.Events.Policy();
        Assert.Equal(DecodeError.None, Metering.Events.Policy.TryRead(output.WrittenSpan[WireFormat.HeaderBytes..], new StringPool(), record, out _));
        var again = PolicyRecords.FromRecord(record);
        Assert.Equivalent(Full, again, strict: true);
        Assert.Equivalent(Full with { IsShadow = false, TimeZone = null, Match = [], Steps = [] }, PolicyRecords.FromRecord(PolicyRecords.ToRecord(Full with { IsShadow = false, TimeZone = null, Match = [], Steps = [] })), strict: true);
    }

    [Fact]
    public void Words_of_the_core_are_the_schemas_in_the_same_order()
    {
        AssertSame<Core.Policies.LimitUnit, Metering.Events.LimitUnit>();
        AssertSame<Core.Windows.LimitPeriod, Metering.Events.LimitPeriod>();
        AssertSame<Core.Policies.StepAction, Metering.Events.StepAction>();
        AssertSame<Core.Policies.LostControl, Metering.Events.LostControl>();

        static void AssertSame<TCore, TRecord>()
            where TCore : struct, Enum
            where TRecord : struct, Enum =>
            Assert.Equal(Enum.GetNames<TCore>().Zip(Enum.GetValues<TCore>().Select(value => Convert.ToInt32(value, null))), Enum.GetNames<TRecord>().Zip(Enum.GetValues<TRecord>().Select(value => Convert.ToInt32(value, null))));
    }

    [Fact]
    public void FromRecord_of_shares_out_of_range_stays_out_of_range()
    {
        var record = PolicyRecords.ToRecord(Full with { WhenControlIsLost = Core.Policies.LostControl.Hold, SafeSharePpm = 0 });
        record.SharePpm = (1L << 32) + 1;
        Assert.Contains(PolicyRules.Check(PolicyRecords.FromRecord(record)), error => error.Contains("share is", StringComparison.Ordinal));
    }
}
