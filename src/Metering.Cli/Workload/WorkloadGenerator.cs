using System.Globalization;
using System.Runtime.InteropServices;
using Metering.Events;

namespace Metering.Cli.Workload;

/// <summary>The next request of the workload.</summary>
/// <param name="Delay">After the request before it.</param>
/// <param name="Event">Its own object, without source, epoch, sequence and event time: those are the publisher's.</param>
/// <param name="Profile">The kind of traffic it is.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct WorkloadRequest(TimeSpan Delay, TokenEvent Event, WorkloadProfile Profile);

/// <summary>
/// <c>up</c>'s live load: the profiles' streams, each a renewal process of its own, merged in order of time. Pure: no
/// clock, no I/O; a seed gives the same requests. One thread.
/// </summary>
public sealed class WorkloadGenerator
{
    private readonly Stream[] _streams;
    private readonly RequestMaker _maker;
    private readonly string _idPrefix;
    private double _ratePerSecond;
    private double _now;
    private long _number;

    /// <param name="seed">Of everything drawn.</param>
    /// <param name="ratePerSecond">Events per second on average, above 0, at most 1,000,000.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rate is out of range.</exception>
    public WorkloadGenerator(ulong seed, double ratePerSecond)
    {
        RatePerSecond = ratePerSecond;
        _maker = new RequestMaker(SeededRandom.For(seed, ulong.MaxValue));
        _idPrefix = string.Create(CultureInfo.InvariantCulture, $"w{seed:x}-");
        _streams = [.. WorkloadProfiles.All.Select((profile, i) => new Stream(profile, SeededRandom.For(seed, (ulong)i)))];
    }

    /// <summary>Events per second on average; a new rate holds from the next event on.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0 and at most 1,000,000.</exception>
    public double RatePerSecond
    {
        get => _ratePerSecond;
        set => _ratePerSecond = value is > 0 and <= 1_000_000
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "--workload takes a rate above 0 and at most 1000000 events per second, or none");
    }

    /// <summary>The next request, in order of time; there is always one.</summary>
    public WorkloadRequest Next()
    {
        var first = _streams[0];
        foreach (var stream in _streams)
        {
            if (stream.At < first.At)
                first = stream;
        }
        // The streams run in units of "one event on average"; only the delay knows the rate.
        var delay = TimeSpan.FromSeconds((first.At - _now) / _ratePerSecond);
        _now = first.At;
        first.Advance();
        var e = _maker.Make(first.Profile);
        e.RequestId = string.Create(CultureInfo.InvariantCulture, $"{_idPrefix}{++_number}");
        return new WorkloadRequest(delay, e, first.Profile);
    }

    private sealed class Stream
    {
        private readonly ArrivalLaw _law;
        private readonly SeededRandom _random;

        public Stream(WorkloadProfile profile, SeededRandom random)
        {
            (Profile, _random, _law) = (profile, random, ArrivalLaw.GammaOfCv(profile.ArrivalCv));
            // Met within a gap, so that not all streams start together.
            At = _law.Sample(random) * random.NextDouble() / profile.Share;
        }

        public WorkloadProfile Profile { get; }

        public double At { get; private set; }

        public void Advance() => At += _law.Sample(_random) / Profile.Share;
    }
}
