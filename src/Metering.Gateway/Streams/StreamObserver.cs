using Metering.Gateway.Requests;
using Metering.Gateway.Usage;

namespace Metering.Gateway.Streams;

/// <summary>What is to become of an event of a stream.</summary>
internal enum EventFate
{
    Pass,

    /// <summary>Usage that the client had not asked for.</summary>
    Strip,

    /// <summary>With it the stream would outrun its permit: the client gets no more.</summary>
    Cut,
}

/// <summary>
/// Follows a stream event by event: what it has cost, whether it has ended, and whether it may go on. It looks for the few members
/// that matter and parses only those, so that a chunk costs a fraction of a microsecond.
/// </summary>
/// <param name="choices">How many answers were asked for.</param>
/// <param name="stripsUsage">The client did not ask for the chunk of usage.</param>
/// <param name="honoursMaxTokens">The upstream keeps its maximum: then chunks are counted, each being one token at least, which
/// never cuts a stream that keeps to its permit. Else bytes count too.</param>
internal sealed class StreamObserver(int choices, bool stripsUsage, bool honoursMaxTokens) : IDisposable
{
    // Of text whose host does not keep to its maximum: rather early than late.
    private const int CautiousBytesPerToken = 3;

    private readonly bool[] _finished = new bool[choices];
    private bool _hasFacts;
    private long _chunks;

    /// <summary>The last report; null when there was none.</summary>
    public UsageReport? Usage { get; private set; }

    /// <summary>The report came at the end, so that it is all.</summary>
    public bool UsageIsFinal { get; private set; }

    public string? Model { get; private set; }

    public string? Id { get; private set; }

    public long Created { get; private set; }

    /// <summary><c>[DONE]</c> has come.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Every choice has its finish_reason.</summary>
    public bool IsFinished => !_finished.Contains(false);

    /// <summary>The host has sent an error instead of a chunk.</summary>
    public bool HasError { get; private set; }

    /// <summary>Some text has come.</summary>
    public bool HasText => TextBytes > 0;

    public long TextBytes { get; private set; }

    /// <summary>The text that has come, or as much of it as is kept.</summary>
    public PooledBytes Text { get; } = new(512);

    /// <summary>Output tokens so far, at least: a chunk is one or more; what the host last reported if that is more.</summary>
    public long OutputTokens => Math.Max(Usage?.OutputTokens ?? 0, _chunks);

    // For the decision to cut only: what is metered is counted, not bounded.
    private long MostOutputTokens => honoursMaxTokens ? OutputTokens : Math.Max(OutputTokens, TextBytes / CautiousBytesPerToken);

    public bool IsFinishedChoice(int choice) => _finished[choice];

    /// <summary>Looks at one event.</summary>
    /// <param name="sse">With its empty line.</param>
    /// <param name="allowance">Output tokens that may be produced in all.</param>
    public EventFate Observe(ReadOnlySpan<byte> sse, long allowance)
    {
        var data = SseScanner.Data(sse);
        if (data.IsEmpty)
            return EventFate.Pass;
        if (data[0] != (byte)'{')
        {
            IsDone |= data.SequenceEqual("[DONE]"u8);
            return EventFate.Pass;
        }
        var isUsage = ReadFacts(data);
        var text = AnswerText.CollectDeltas(data, Text);
        if (text > 0)
        {
            TextBytes += text;
            _chunks++;
        }
        ReadFinish(data);
        if (isUsage)
            return stripsUsage ? EventFate.Strip : EventFate.Pass;
        return MostOutputTokens > allowance ? EventFate.Cut : EventFate.Pass;
    }

    // The first chunk, and any with usage or an error, is read as JSON; the rest is searched.
    private bool ReadFacts(ReadOnlySpan<byte> data)
    {
        var usageAt = JsonScan.FindValue(data, "\"usage\""u8, 0);
        var hasUsage = usageAt >= 0 && data[usageAt] == (byte)'{';
        if (_hasFacts && !hasUsage && !data.StartsWith("{\"error\""u8))
            return false;
        if (!AnswerFacts.TryRead(data, out var facts))
            return false;
        HasError |= facts.HasError;
        if (!_hasFacts)
            (Model, Id, Created, _hasFacts) = (facts.Model, facts.Id, facts.Created, true);
        if (facts.Usage is not { } usage)
            return false;
        Usage = usage;
        UsageIsFinal = facts.HasEmptyChoices || IsFinished;
        return facts.HasEmptyChoices;
    }

    private void ReadFinish(ReadOnlySpan<byte> data)
    {
        for (var at = JsonScan.FindValue(data, "\"finish_reason\""u8, 0); at >= 0; at = JsonScan.FindValue(data, "\"finish_reason\""u8, at))
        {
            if (data[at] == (byte)'"')
                Finish(data);
        }
        if (Usage is not null && IsFinished)
            UsageIsFinal = true;
    }

    private void Finish(ReadOnlySpan<byte> data)
    {
        if (choices == 1)
        {
            _finished[0] = true;
            return;
        }
        var at = JsonScan.FindValue(data, "\"index\""u8, 0);
        var choice = 0;
        for (; at >= 0 && at < data.Length && char.IsAsciiDigit((char)data[at]) && choice < choices; at++)
            choice = (choice * 10) + (data[at] - '0');
        if (choice < choices)
            _finished[choice] = true;
    }

    public void Dispose() => Text.Dispose();
}
