using System.Net;
using Metering.Gateway.Forwarding;

namespace Metering.Gateway;

/// <summary>How a gateway serves. Checked at start, all errors at once.</summary>
public sealed record GatewayOptions
{
    /// <summary>0 to 65535; 0 takes a free one. Default 4000.</summary>
    public int Port { get; init; } = 4000;

    /// <summary>Default loopback.</summary>
    public IPAddress Listen { get; init; } = IPAddress.Loopback;

    /// <summary>Where requests go; the first is the default. One at least.</summary>
    public required IReadOnlyList<UpstreamOptions> Upstreams { get; init; }

    /// <summary>Of a request. Default 32 MB: pictures come inside; from 1 KB to 1 GB.</summary>
    public int MaxBodyBytes { get; init; } = 32 << 20;

    /// <summary>Of all headers of a request together. Default 32 KB.</summary>
    public int MaxHeaderBytes { get; init; } = 32 << 10;

    /// <summary>From the first byte of a request to the end of its headers. Default 15 s.</summary>
    public TimeSpan HeadersTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>To connect to an upstream. Default 5 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>From a request's last byte to the first of its answer: a whole answer may take that long. Default 10 min.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Between two pieces of an answer. Default 2 min.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>An answer that is not streamed is held whole; a larger one is refused with 502. Default 64 MB.</summary>
    public int MaxAnswerBytes { get; init; } = 64 << 20;

    /// <summary>How often a long stream's progress is written to the journal. Default 5 s.</summary>
    public TimeSpan ProgressInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Events carry a hash of the prompt's first 4 KB. Default false: whoever can guess a prompt can recognise it.</summary>
    public bool HashesPrompts { get; init; }

    /// <summary>What is wrong, a sentence each; empty when nothing is.</summary>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>();
        if (Upstreams.Count == 0)
            errors.Add("Upstreams is empty: name one model host at least.");
        foreach (var upstream in Upstreams)
            upstream.Validate(errors);
        foreach (var twice in Upstreams.GroupBy(static u => u.Name, StringComparer.Ordinal).Where(static g => g.Count() > 1))
            errors.Add($"upstream {twice.Key} is given {twice.Count()} times: give each a name of its own.");
        if (MaxBodyBytes is < 1 << 10 or > 1 << 30)
            errors.Add(FormattableString.Invariant($"MaxBodyBytes {MaxBodyBytes} is out of range: 1,024 to 1,073,741,824."));
        if (MaxHeaderBytes is < 1 << 10 or > 1 << 20)
            errors.Add(FormattableString.Invariant($"MaxHeaderBytes {MaxHeaderBytes} is out of range: 1,024 to 1,048,576."));
        if (MaxAnswerBytes < 1 << 10)
            errors.Add(FormattableString.Invariant($"MaxAnswerBytes {MaxAnswerBytes} is out of range: 1,024 at least."));
        foreach (var (name, value) in ((string, TimeSpan)[])[(nameof(HeadersTimeout), HeadersTimeout), (nameof(ConnectTimeout), ConnectTimeout), (nameof(AnswerTimeout), AnswerTimeout), (nameof(IdleTimeout), IdleTimeout), (nameof(ProgressInterval), ProgressInterval)])
        {
            if (value < TimeSpan.FromMilliseconds(10) || value > TimeSpan.FromDays(1))
                errors.Add($"{name} {value} is out of range: 10 ms to a day.");
        }
        return errors;
    }
}
