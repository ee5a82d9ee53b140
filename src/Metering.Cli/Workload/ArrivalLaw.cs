using System.Runtime.InteropServices;

namespace Metering.Cli.Workload;

/// <summary>How the times between one stream's requests scatter. Samples have mean 1: the caller scales them to its rate.</summary>
public enum ArrivalKind : byte
{
    /// <summary>Gamma(shape); shape = 1/CV², 1 is a Poisson stream.</summary>
    Gamma,

    /// <summary>Weibull(shape); below 1 burstier than Poisson.</summary>
    Weibull,
}

/// <summary>A law of times between requests.</summary>
[StructLayout(LayoutKind.Auto)]
public readonly struct ArrivalLaw
{
    private readonly double _inverseMean;

    /// <param name="kind">The family.</param>
    /// <param name="shape">Its shape; above 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The shape is not a finite number above 0.</exception>
    public ArrivalLaw(ArrivalKind kind, double shape)
    {
        if (!double.IsFinite(shape) || shape <= 0)
            throw new ArgumentOutOfRangeException(nameof(shape), shape, "a shape is a finite number above 0");
        Kind = kind;
        Shape = shape;
        _inverseMean = kind == ArrivalKind.Weibull ? 1.0 / Math.Exp(LogGamma(1.0 + (1.0 / shape))) : 1.0 / shape;
    }

    /// <summary>The family.</summary>
    public ArrivalKind Kind { get; }

    /// <summary>Its shape.</summary>
    public double Shape { get; }

    /// <summary>The Gamma law with this coefficient of variation (standard deviation ÷ mean).</summary>
    public static ArrivalLaw GammaOfCv(double cv) => new(ArrivalKind.Gamma, 1.0 / (cv * cv));

    /// <summary>One time between two requests, in units of the mean.</summary>
    public double Sample(SeededRandom random) => _inverseMean * (Kind == ArrivalKind.Weibull
        ? Math.Pow(-Math.Log(random.NextOpenDouble()), 1.0 / Shape)
        : SampleGamma(random, Shape));

    /// <summary>Marsaglia and Tsang, "A simple method for generating gamma variables", ACM TOMS 26 (2000).</summary>
    private static double SampleGamma(SeededRandom random, double shape)
    {
        if (shape < 1)
            return SampleGamma(random, shape + 1) * Math.Pow(random.NextOpenDouble(), 1.0 / shape);
        var d = shape - (1.0 / 3.0);
        var c = 1.0 / Math.Sqrt(9.0 * d);
        while (true)
        {
            var x = random.NextNormal();
            var v = 1.0 + (c * x);
            if (v <= 0)
                continue;
            v = v * v * v;
            if (Math.Log(random.NextOpenDouble()) < (0.5 * x * x) + d - (d * v) + (d * Math.Log(v)))
                return d * v;
        }
    }

    /// <summary>ln Γ(x) for x ≥ 1, by Stirling's series after shifting x above 8; error below 1e-10.</summary>
    private static double LogGamma(double x)
    {
        var shift = 0.0;
        for (; x < 8; x++)
            shift += Math.Log(x);
        var inverse = 1.0 / x;
        var square = inverse * inverse;
        var series = inverse * ((1.0 / 12.0) - (square * ((1.0 / 360.0) - (square / 1260.0))));
        return ((x - 0.5) * Math.Log(x)) - x + (0.5 * Math.Log(2.0 * Math.PI)) + series - shift;
    }
}
