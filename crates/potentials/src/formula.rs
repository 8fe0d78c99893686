//! Pair energies given as text, for example from a study file.

use std::collections::BTreeMap;
use std::sync::Arc;
use thiserror::Error;
use vitreous_md_core::{Radial, Scalar};
use winnow::ascii::{digit0, digit1, multispace0};
use winnow::combinator::{
    Infix, Prefix, alt, delimited, dispatch, empty, expression, fail, opt, preceded,
};
use winnow::token::{any, one_of, take_while};
use winnow::{Parser, Result};

/// `phi(r)` as a formula of the distance `r` and of named parameters, in the notation of calculators:
/// `+ - * / ^`, parentheses, `sqrt exp ln sin cos`, the constant `pi`. A power binds tighter than a sign,
/// `-r^2 = -(r^2)`, and powers group from the right, `2^3^2 = 2^9`.
///
/// The formula is evaluated over any [`Scalar`], so that its derivatives are exact, as for a function that is
/// compiled in; it takes a few times as long as one.
///
/// ```
/// use std::collections::BTreeMap;
/// use vitreous_md_core::Radial;
/// use vitreous_potentials::Formula;
/// let parameters = BTreeMap::from([("a".to_owned(), 2.0)]);
/// let gaussian = Formula::new("exp(-(r/a)^2)", &parameters)?;
/// let [value, slope] = gaussian.derivatives::<2>(4.0); // in r^2, at r = 2
/// assert!((value - (-1.0_f64).exp()).abs() < 1e-15 && (slope + value / 4.0).abs() < 1e-15);
/// # Ok::<(), vitreous_potentials::FormulaError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    /// Shared, so that copies are cheap.
    root: Arc<Node>,
}

/// Why a text is not a formula.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum FormulaError {
    /// The text is not an expression.
    #[error(
        "the formula '{text}' cannot be read from '{rest}' on (character {position}): it may hold numbers, r, parameters, + - * / ^, parentheses, and sqrt exp ln sin cos of parentheses"
    )]
    Syntax {
        /// The formula.
        text: String,
        /// Where it stops making sense, from 1.
        position: usize,
        /// What stands there.
        rest: String,
    },
    /// A name that is neither `r` nor a parameter.
    #[error("the formula '{text}' uses '{name}', which has no value; it knows {}", known.join(", "))]
    UnknownName {
        /// The formula.
        text: String,
        /// The name.
        name: String,
        /// The names it knows.
        known: Vec<String>,
    },
    /// A parameter that cannot be used.
    #[error(
        "the parameter '{name}' = {value} cannot be used in a formula: names are words other than r and pi, values finite numbers"
    )]
    Parameter {
        /// Its name.
        name: String,
        /// Its value.
        value: f64,
    },
    /// A formula of more characters than a formula should have.
    #[error("the formula has {length} characters: at most {limit} are allowed")]
    Length {
        /// Its length.
        length: usize,
        /// The limit.
        limit: usize,
    },
}

/// Longer formulas, nested to the end, could exhaust the stack.
const LONGEST: usize = 500;

impl Formula {
    /// A formula with the values of its parameters.
    ///
    /// # Errors
    /// A text that is no expression, with the place; a name without a value; a parameter that cannot be one.
    pub fn new(
        text: &str,
        parameters: &BTreeMap<String, f64>,
    ) -> std::result::Result<Self, FormulaError> {
        let length = text.chars().count();
        if length > LONGEST {
            return Err(FormulaError::Length {
                length,
                limit: LONGEST,
            });
        }
        for (name, &value) in parameters {
            let word = identifier.parse(name.as_str()).is_ok();
            if !word || ["r", "pi"].contains(&name.as_str()) || !value.is_finite() {
                return Err(FormulaError::Parameter {
                    name: name.clone(),
                    value,
                });
            }
        }
        let parsed = node.parse(text).map_err(|error| FormulaError::Syntax {
            text: text.to_owned(),
            position: text[..error.offset()].chars().count() + 1,
            rest: text[error.offset()..].to_owned(),
        })?;
        let root = parsed.resolve(parameters).map_err(|name| {
            let known = ["r", "pi"].into_iter().map(str::to_owned);
            FormulaError::UnknownName {
                text: text.to_owned(),
                name,
                known: known.chain(parameters.keys().cloned()).collect(),
            }
        })?;
        Ok(Self {
            root: Arc::new(root),
        })
    }
}

impl Radial for Formula {
    fn range(&self) -> f64 {
        f64::INFINITY
    }
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        self.root.evaluate(squared_distance)
    }
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Number(f64),
    Distance,
    /// A name, until it is resolved.
    Name(String),
    Negative(Box<Node>),
    Binary(Operation, Box<[Node; 2]>),
    /// `base^exponent` with a whole exponent.
    WholePower(Box<Node>, i32),
    /// `r^(2 exponent)`, which needs no square root.
    EvenPowerOfDistance(i32),
    Call(Function, Box<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    SquareRoot,
    Exponential,
    Logarithm,
    Sine,
    Cosine,
}

impl Node {
    /// Puts in the values of names, and simplifies powers.
    fn resolve(self, parameters: &BTreeMap<String, f64>) -> std::result::Result<Self, String> {
        Ok(match self {
            Self::Name(name) => match (name.as_str(), parameters.get(&name)) {
                ("r", _) => Self::Distance,
                ("pi", _) => Self::Number(std::f64::consts::PI),
                (_, Some(&value)) => Self::Number(value),
                _ => return Err(name),
            },
            Self::Negative(of) => match of.resolve(parameters)? {
                Self::Number(value) => Self::Number(-value),
                of => Self::Negative(Box::new(of)),
            },
            Self::Binary(operation, sides) => {
                let [left, right] = *sides;
                let (left, right) = (left.resolve(parameters)?, right.resolve(parameters)?);
                let sides = Box::new([left, right]);
                match (operation, &*sides) {
                    (_, [Self::Number(_), Self::Number(_)]) => {
                        Self::Number(Self::Binary(operation, sides).evaluate(1.0))
                    }
                    (Operation::Power, [base, Self::Number(exponent)])
                        if exponent.fract() == 0.0 && exponent.abs() <= 1000.0 =>
                    {
                        let exponent = *exponent as i32;
                        if *base == Self::Distance && exponent % 2 == 0 {
                            Self::EvenPowerOfDistance(exponent / 2)
                        } else {
                            let [base, _] = *sides;
                            Self::WholePower(Box::new(base), exponent)
                        }
                    }
                    _ => Self::Binary(operation, sides),
                }
            }
            Self::Call(function, of) => Self::Call(function, Box::new(of.resolve(parameters)?)),
            other => other,
        })
    }

    fn evaluate<S: Scalar>(&self, squared_distance: S) -> S {
        match self {
            Self::Number(value) => S::constant(*value),
            Self::Distance => squared_distance.sqrt(),
            Self::Name(_) => S::constant(f64::NAN), // none is left in a formula
            Self::Negative(of) => -of.evaluate(squared_distance),
            Self::WholePower(base, exponent) => base.evaluate(squared_distance).powi(*exponent),
            Self::EvenPowerOfDistance(half) => squared_distance.powi(*half),
            Self::Binary(operation, sides) => {
                let [left, right] = sides.each_ref().map(|side| side.evaluate(squared_distance));
                match (operation, &sides[1]) {
                    (Operation::Add, _) => left + right,
                    (Operation::Subtract, _) => left - right,
                    (Operation::Multiply, _) => left * right,
                    (Operation::Divide, _) => left / right,
                    (Operation::Power, Self::Number(exponent)) => left.powf(*exponent),
                    (Operation::Power, _) => (left.ln() * right).exp(),
                }
            }
            Self::Call(function, of) => {
                let of = of.evaluate(squared_distance);
                match function {
                    Function::SquareRoot => of.sqrt(),
                    Function::Exponential => of.exp(),
                    Function::Logarithm => of.ln(),
                    Function::Sine => of.sin_cos().0,
                    Function::Cosine => of.sin_cos().1,
                }
            }
        }
    }
}

// The grammar.

fn binary(operation: Operation, left: Node, right: Node) -> Node {
    Node::Binary(operation, Box::new([left, right]))
}

fn identifier<'a>(input: &mut &'a str) -> Result<&'a str> {
    (
        take_while(1, |c: char| c.is_ascii_alphabetic() || c == '_'),
        take_while(0.., |c: char| c.is_ascii_alphanumeric() || c == '_'),
    )
        .take()
        .parse_next(input)
}

/// A number without a sign: signs are operators, so that `-1^2 = -(1^2)`.
fn number(input: &mut &str) -> Result<f64> {
    let exponent = (one_of(['e', 'E']), opt(one_of(['+', '-'])), digit1);
    alt((
        (digit1, opt(('.', digit0)), opt(exponent)).void(),
        (
            '.',
            digit1,
            opt((one_of(['e', 'E']), opt(one_of(['+', '-'])), digit1)),
        )
            .void(),
    ))
    .take()
    .parse_to()
    .verify(|value: &f64| value.is_finite())
    .parse_next(input)
}

fn call(input: &mut &str) -> Result<Node> {
    let function = dispatch! {identifier;
        "sqrt" => empty.value(Function::SquareRoot),
        "exp" => empty.value(Function::Exponential),
        "ln" => empty.value(Function::Logarithm),
        "sin" => empty.value(Function::Sine),
        "cos" => empty.value(Function::Cosine),
        _ => fail,
    };
    (function, preceded(multispace0, parentheses))
        .map(|(function, of)| Node::Call(function, Box::new(of)))
        .parse_next(input)
}

fn parentheses(input: &mut &str) -> Result<Node> {
    delimited('(', node, ')').parse_next(input)
}

fn operand(input: &mut &str) -> Result<Node> {
    delimited(
        multispace0,
        alt((
            number.map(Node::Number),
            parentheses,
            call,
            identifier.map(|name| Node::Name(name.to_owned())),
        )),
        multispace0,
    )
    .parse_next(input)
}

fn node(input: &mut &str) -> Result<Node> {
    expression(operand)
        .prefix(dispatch! {preceded(multispace0, any);
            '-' => Prefix(8, |_: &mut _, of| Ok(Node::Negative(Box::new(of)))),
            '+' => Prefix(8, |_: &mut _, of| Ok(of)),
            _ => fail,
        })
        .infix(dispatch! {any;
            '+' => Infix::Left(5, |_: &mut _, a, b| Ok(binary(Operation::Add, a, b))),
            '-' => Infix::Left(5, |_: &mut _, a, b| Ok(binary(Operation::Subtract, a, b))),
            '*' => Infix::Left(7, |_: &mut _, a, b| Ok(binary(Operation::Multiply, a, b))),
            '/' => Infix::Left(7, |_: &mut _, a, b| Ok(binary(Operation::Divide, a, b))),
            '^' => Infix::Right(10, |_: &mut _, a, b| Ok(binary(Operation::Power, a, b))),
            _ => fail,
        })
        .parse_next(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(text: &str, r: f64) -> f64 {
        let parameters = [("a", 2.0), ("sigma_1", 0.5)].map(|(k, v)| (k.to_owned(), v));
        let formula = Formula::new(text, &parameters.into()).unwrap();
        formula.energy(r * r)
    }

    #[test]
    fn operators_bind_as_in_textbooks() {
        // Small numbers: every operation but the last two is exact.
        for (text, expected) in [
            ("-r^2", -9.0),
            ("2 - 3 - 4", -5.0),
            ("2^3^2", 512.0),
            ("2^-r^2 * 1024", 2.0),
            ("-2^2", -4.0),
            ("12/2/3", 2.0),
            ("2*-r", -6.0),
            ("1+2*r^3", 55.0),
            ("(1+2)*r", 9.0),
            (" ( r - a ) / sigma_1 ", 2.0),
            ("1.5e1 + .5 + 2.", 17.5),
            ("sqrt(r^2)", 3.0),
            ("exp(0) + ln(1) + cos(0) + sin(0)", 2.0),
            ("--r", 3.0),
            ("+r", 3.0),
            ("r^-1*3", 1.0),
            ("sin(pi/2) + 4^0.5", 3.0),
            ("a^r", 8.0),
        ] {
            assert!(
                (value(text, 3.0) - expected).abs() < 4e-15 * expected.abs(),
                "{text}"
            );
        }
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        for (text, expected) in [
            ("", "character 1"),
            ("2 +", "from '"),
            ("2 ** r", "from '"),
            ("r r", "from 'r' on (character 3)"),
            ("(r", "from '"),
            ("exp r", "from '"),
            ("exp(r", "from '"),
            (
                "sigma*r",
                "uses 'sigma', which has no value; it knows r, pi, a",
            ),
            ("1e999", "from '"),
            ("r\u{e9}", "from '"),
        ] {
            let parameters = BTreeMap::from([("a".to_owned(), 1.0)]);
            let message = Formula::new(text, &parameters).unwrap_err().to_string();
            assert!(message.contains(expected), "{text}: {message}");
        }
        for (name, value) in [("r", 1.0), ("2x", 1.0), ("a b", 1.0), ("x", f64::NAN)] {
            let parameters = BTreeMap::from([(name.to_owned(), value)]);
            assert!(Formula::new("r", &parameters).is_err());
        }
        assert!(Formula::new(&"(".repeat(501), &BTreeMap::new()).is_err());
        let deep = format!("{}r{}", "(".repeat(249), ")".repeat(249));
        assert!(Formula::new(&deep, &BTreeMap::new()).is_ok());
    }

    proptest! {
        /// Derivatives to fourth order, of a formula with every operation, against the function compiled in.
        #[test]
        fn derivatives_are_those_of_the_function(r in 0.5..3.0_f64, a in 0.5..2.0_f64) {
            struct Compiled(f64);
            impl Radial for Compiled {
                fn range(&self) -> f64 { f64::INFINITY }
                fn energy<S: Scalar>(&self, s: S) -> S {
                    let (r, a) = (s.sqrt(), self.0);
                    let (sine, cosine) = (r * a).sin_cos();
                    (-(r / a).powi(2)).exp() * 3.0 - (r + 1.0).ln() / r.powi(12)
                        + sine * cosine.powi(3) + (r * std::f64::consts::LN_2).exp() + r.powf(1.5)
                }
            }
            let text = "3*exp(-(r/a)^2) - ln(r+1)/r^12 + sin(a*r)*cos(a*r)^3 + 2^r + r^1.5";
            let formula = Formula::new(text, &BTreeMap::from([("a".to_owned(), a)])).unwrap();
            let found = formula.derivatives::<5>(r * r);
            let expected = Compiled(a).derivatives::<5>(r * r);
            // The scale of the k-th derivative: the steepest term, r^-12, and the fastest, of order one.
            for k in 0..5 {
                let scale = (r.powi(-12) + 1.0) * (10.0 / (r * r)).powi(k as i32);
                prop_assert!((found[k] - expected[k]).abs() < 1e-13 * scale.max(1.0) * 10.0, "{k}");
            }
        }
    }
}
